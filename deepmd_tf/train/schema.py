"""The schema of a training input: every component's own keys, and the frame that joins them."""

from __future__ import annotations

from dargs import Argument, Variant

from deepmd_tf.config.arguments import all_of, exclusive, family, in_range, not_empty, one_of, optional, required
from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.fitting.base import fittings
from deepmd_tf.loss.base import losses
from deepmd_tf.model.type_embedding import TypeEmbedding
from deepmd_tf.registry import Registry
from deepmd_tf.train.optimizer import optimizers
from deepmd_tf.train.schedule import schedules

BATCH_RULES = (
    "Frames per batch: a number; a list with one number per system; 'auto' or 'auto:N', the fewest frames that hold at "
    "least N (32) atoms; 'max:N', the most frames that hold at most N atoms; 'filter:N', the same without the systems "
    "of more than N atoms; 'mixed:N', N frames drawn from all systems and merged, for descriptors as 'se_atten'"
)


def input_schema() -> Argument:
    """The root of the schema, with what the registries hold at the time of the call, plug-ins included."""
    sections = [model_section(), learning_rate_section(), optimizer_section(), loss_section(), training_section()]
    return Argument("input", dict, sections, doc="The input of a training run.")


def model_section() -> Argument:
    """The section ``model``."""
    fields = [
        Argument("type_map", list[str], optional=True,
                 doc="Names of the atom types; types of the data are brought to this order by their type_map.raw."),
        optional("data_stat_nbatch", int, 10, "Batches per system that the statistics are taken from.",
                 extra_check=in_range(1)),
        optional("data_stat_protect", float, 0.01, "Smallest standard deviation that frame and atomic parameters are "
                 "divided by.", extra_check=in_range(0)),
        optional("data_bias_nsample", int, 10, "Batches per system that a change of the energy per type is taken from.",
                 extra_check=in_range(1)),
        Argument("type_embedding", dict, TypeEmbedding.arguments(), optional=True,
                 doc="What networks of all types are told of a type; for descriptors as 'se_atten'."),
    ]  # fmt: skip
    standard = Argument("standard", dict, [
        required("descriptor", dict, "What an atom sees: its features, from its neighbours.",
                 sub_variants=[_family(descriptors)]),
        required("fitting_net", dict, "What an atom contributes, from its features.",
                 sub_variants=[_family(fittings, "ener")]),
    ], doc="A descriptor and a fitting.")  # fmt: skip
    kinds = Variant("type", [standard], optional=True, default_tag="standard", doc="The kind of the model.")
    return required("model", dict, "The model.", sub_fields=fields, sub_variants=[kinds])


def learning_rate_section() -> Argument:
    """The section ``learning_rate``."""
    fields = [
        required("start_lr", float, "Learning rate at the first step, after the warm-up if there is one.",
                 extra_check=in_range(0, open_low=True)),
        optional("stop_lr", [float, None], None, "Learning rate at the last step.", extra_check=in_range(0)),
        optional("stop_lr_ratio", [float, None], None, "The same as a fraction of start_lr.", extra_check=in_range(0)),
        optional("warmup_steps", int, 0, "Steps in which the learning rate rises linearly to start_lr.",
                 extra_check=in_range(0)),
        optional("warmup_ratio", [float, None], None, "The same as a fraction of all steps.",
                 extra_check=in_range(0, 1, open_high=True)),
        optional("warmup_start_factor", float, 0.0, "Learning rate at the start of the warm-up, as a fraction of "
                 "start_lr.", extra_check=in_range(0, 1)),
        optional("scale_by_worker", str, "linear", "How the learning rate grows with the number of processes: linear, "
                 "sqrt or none.", extra_check=one_of("linear", "sqrt", "none")),
    ]  # fmt: skip
    rules = all_of(
        exclusive("stop_lr", "stop_lr_ratio", needed=True), exclusive("warmup_steps", "warmup_ratio", unset=(None, 0))
    )
    return required("learning_rate", dict, "How the learning rate goes with the steps.", sub_fields=fields,
                    sub_variants=[_family(schedules, "exp")], extra_check=rules)  # fmt: skip


def optimizer_section() -> Argument:
    """The section ``optimizer``."""
    return optional(
        "optimizer", dict, {}, "What turns gradients into steps.", sub_variants=[_family(optimizers, "Adam")]
    )


def loss_section() -> Argument:
    """The section ``loss``."""
    return optional("loss", dict, {}, "What training makes small.", sub_variants=[_family(losses, "ener")])


def training_section() -> Argument:
    """The section ``training``."""
    count = in_range(1)
    fields = [
        required("training_data", dict, "The data to train on.", sub_fields=_data_fields()),
        optional("validation_data", [dict, None], None, "The data that errors are shown of beside the training errors.",
                 sub_fields=[*_data_fields(), _numb_btch()]),
        Argument("numb_steps", int, optional=True, extra_check=in_range(0), doc="Number of training steps.",
                 alias=["stop_batch", "num_step", "num_steps", "numb_step"]),
        Argument("numb_epoch", [int, float], optional=True, extra_check=in_range(0),
                 alias=["num_epochs", "num_epoch", "numb_epochs"],
                 doc="Number of passes over the data; the steps follow from sizes and probabilities of the systems."),
        Argument("seed", [int, None], optional=True, doc="Seed of the order in which frames are drawn."),
        optional("disp_file", str, "lcurve.out", "File of the learning curve."),
        optional("disp_freq", int, 1000, "Steps between two rows of the learning curve.", extra_check=count),
        optional("save_freq", int, 1000, "Steps between two checkpoints.", extra_check=count),
        optional("save_ckpt", str, "model.ckpt", "Path prefix of the checkpoints."),
        optional("max_ckpt_keep", int, 5, "Number of checkpoints that are kept.", extra_check=count),
        optional("disp_training", bool, True, "Whether the learning curve is written and shown."),
        optional("time_training", bool, True, "Whether the time per step is shown."),
        optional("embedding_table", bool, True, "Whether embedding networks are evaluated through tables that follow "
                 "the weights in every step, which is several times faster; false evaluates them at every neighbour. "
                 "Networks of activation functions with corners are never tabulated."),
        optional("table_tolerance", float, 1e-9, "Largest error of these tables, in features and slopes, relative to "
                 "the largest of each network; their intervals are doubled where it is passed.",
                 extra_check=in_range(0, open_low=True)),
    ]  # fmt: skip
    return required("training", dict, "Data, number of steps and files of the run.", sub_fields=fields,
                    extra_check=exclusive("numb_steps", "numb_epoch", needed=True))  # fmt: skip


def _data_fields() -> list[Argument]:
    return [
        required("systems", [str, list[str]], "Folders of the data, searched recursively for type.raw; "
                 "FILE.hdf5 and FILE.hdf5#/GROUP are taken as folders.", extra_check=not_empty),
        optional("rglob_patterns", [list[str], None], None, "Patterns that the folders below 'systems' are found by, "
                 "instead of all folders."),
        optional("batch_size", [int, list[int], str], "auto", f"{BATCH_RULES}.", extra_check=in_range(1)),
        optional("auto_prob", str, "prob_sys_size", "How often a system is drawn: 'prob_uniform', all alike; "
                 "'prob_sys_size', by its number of batches; 'prob_sys_size;I:J:W;...', the systems I to J-1 together "
                 "with the weight W.", alias=["auto_prob_style"]),
        optional("sys_probs", [list[float], None], None, "Probability of each system; goes before auto_prob.",
                 alias=["sys_weights"]),
    ]  # fmt: skip


def _numb_btch() -> Argument:
    doc = "Batches that a validation error is averaged over."
    return optional("numb_btch", int, 1, doc, alias=["numb_batch"], extra_check=in_range(1))


def _family(registry: Registry, default: str | None = None) -> Variant:
    options = {} if default is None else {"optional": True, "default_tag": default}
    return family("type", registry, registry.aliases, doc=f"Which {registry.kind}.", **options)
