"""The keys of an input file that are those of ``se_atten`` alone."""

from __future__ import annotations

from dargs import Argument

from deepmd_tf.config.arguments import in_range, one_of, optional
from deepmd_tf.nn.dialect import DEFAULT, DIALECTS, NODE

SEL = optional(
    "sel", [int, list[int], str], "auto",
    "Neighbour slots of all types together: a number, a list whose sum counts, or 'auto' or 'auto:FACTOR', which takes "
    "the largest number of neighbours found in the training data times FACTOR (1.1), rounded up to a multiple of 4.",
)  # fmt: skip
NETWORK_KEYS = (
    optional("axis_neuron", int, 4, "Number of columns of the second factor of the descriptor.",
             alias=["n_axis_neuron"]),
    optional("type_one_side", bool, False, "The embedding is told the type of the neighbour alone."),
    optional("env_protection", float, 0.0, "Added to distances where the environment matrix divides by them, Å."),
)  # fmt: skip
TYPE_KEYS = (
    optional("tebd_dim", int, 8, "Width of the vectors of the types, unless the model has a section type_embedding.",
             extra_check=in_range(1)),
    optional("tebd_input_mode", str, "concat", "How the embedding is told the types: 'concat', beside s(r); 'strip', "
             "by a network of their own whose features multiply those of s(r).", extra_check=one_of("concat", "strip")),
    optional("stripped_type_embedding", [bool, None], None, "Older form of tebd_input_mode: true for 'strip'."),
    optional("smooth_type_embedding", bool, False, "Let attention, and what 'strip' multiplies by, vanish smoothly at "
             "the cutoff.", alias=["smooth_type_embdding"]),
    optional("use_econf_tebd", bool, False, "Start the vectors of the types from electron configurations, unless the "
             "model has a section type_embedding."),
    optional("use_tebd_bias", bool, False, "Whether the vectors of the types have a bias, unless the model has a "
             "section type_embedding."),
    optional("concat_output_tebd", bool, True, "Tell the fitting the type of the atom beside its features."),
)  # fmt: skip
ATTENTION_KEYS = (
    optional("attn", int, 128, "Width of queries, keys and values.", extra_check=in_range(1)),
    optional("attn_layer", int, 2, "Number of attention layers.", extra_check=in_range(0)),
    optional("attn_dotr", bool, True, "Multiply the weights of two neighbours by the cosine of their angle."),
    optional("attn_mask", bool, False, "Leave out the weight of a neighbour for itself."),
    optional("normalize", bool, True, "Bring queries, keys and values to length one."),
    optional("scaling_factor", float, 1.0, "The products of queries and keys are divided by its square root; where "
             "the dialect is 'reference', by that of attn times it."),
    Argument("temperature", float, optional=True, doc="Factor of the products of queries and keys in the place of "
             "what scaling_factor makes."),
    optional("trainable_ln", bool, True, "Whether scale and shift of the layer normalisation are trained."),
    optional("ln_eps", [float, None], None, "Added to the variance in the layer normalisation; 1e-3 by default, "
             "1e-5 where the dialect is 'reference'."),
)  # fmt: skip
OWN = optional(
    NODE, str, DEFAULT, "Which of deepmd-kit's two readings of DPA-1 holds: 'tensorflow', as its TensorFlow graphs, or "
    "'reference', as its NumPy implementation. A key of this program alone.", extra_check=one_of(*DIALECTS),
)  # fmt: skip
