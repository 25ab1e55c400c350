"""Malformed models and checkpoints, each with the message it gets; docs/bad-input.md shows them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deepmd_tf.infer.frozen import FrozenModel

TITLE = "Models and checkpoints"


@dataclass(frozen=True)
class Row:
    """A fault in a folder with a trained, frozen model ``model.pb`` and checkpoints ``model.ckpt``.

    Attributes
    ----------
    what : str
        The fault in words, for the manual.
    damage : callable
        Makes it, given the folder.
    command : list of str
        Arguments of ``dp`` that meet it.
    message : str
        All that the user is told.
    """

    what: str
    damage: Callable[[Path], None]
    command: list
    message: str


def nothing(folder: Path) -> None:
    """The fault is in the command alone."""


def content(name: str, data: bytes) -> Callable[[Path], None]:
    """Replace a file."""
    return lambda folder: (folder / name).write_bytes(data) and None


def without(*texts: bytes) -> Callable[[Path], None]:
    """Replace texts in the model by others of equal length: (old, new, old, new, ...)."""

    def damage(folder: Path) -> None:
        data = (folder / "model.pb").read_bytes()
        for old, new in zip(texts[::2], texts[1::2]):
            data = data.replace(old, new)
        (folder / "model.pb").write_bytes(data)

    return damage


def flip(folder: Path) -> None:
    """Change one bit in the newest checkpoint."""
    path = folder / "model.ckpt-4.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def constant(name: str, text: str) -> Callable[[Path], None]:
    """Replace a text in the model by one of any length."""

    def damage(folder: Path) -> None:
        graph_def = FrozenModel(folder / "model.pb").graph_def
        node = next(node for node in graph_def.node if node.name == name)
        node.attr["value"].tensor.string_val[:] = [text.encode()]
        (folder / "model.pb").write_bytes(graph_def.SerializeToString())

    return damage


def model_key(key: str, value) -> Callable[[Path], None]:
    """Replace a key of the section ``model`` of the input."""

    def damage(folder: Path) -> None:
        content = json.loads((folder / "input.json").read_text())
        content["model"][key] = value
        (folder / "input.json").write_text(json.dumps(content))

    return damage


FINETUNE = ["train", "input.json", "-t", "model.pb"]
TEST = ["test", "-m", "model.pb", "-s", "training"]
ROWS = [
    Row(
        "a model file that is not there",
        nothing,
        ["test", "-m", "graph.pb", "-s", "training"],
        "model file graph.pb does not exist",
    ),
    Row(
        "a checkpoint where a model is asked for",
        nothing,
        ["test", "-m", "model.ckpt", "-s", "training"],
        "model file model.ckpt does not exist. This is a checkpoint: write a model file with `dp freeze` first",
    ),
    Row(
        "a text file as a model",
        content("model.pb", b"hello"),
        TEST,
        "model.pb: expected a frozen TensorFlow graph, found 5 bytes of something else. Models of other backends (.pth, .savedmodel, .dp) have to be converted to .pb first",
    ),
    Row(
        "a model of a newer format",
        without(b"\x031.1", b"\x032.1"),
        TEST,
        "model.pb: model version: expected 1.0 to 1.1, found 2.1. Use a newer release of this program",
    ),
    Row(
        "a graph without its type map",
        without(b"model_attr/tmap", b"model_attr/tnap"),
        TEST,
        "model.pb: not a Deep Potential model, it has no node model_attr/tmap. Give the .pb file that `dp freeze` wrote",
    ),
    Row(
        "no checkpoint",
        nothing,
        ["freeze", "-c", "other.ckpt"],
        "other.ckpt: there is no complete checkpoint here. Found beside it: model.ckpt-4.index, model.ckpt.index",
    ),
    Row(
        "a folder without checkpoints",
        nothing,
        ["freeze", "-c", "training"],
        "training/model.ckpt: there is no complete checkpoint here",
    ),
    Row(
        "a damaged checkpoint, asked for by its step",
        flip,
        ["freeze", "-c", "model.ckpt-4"],
        "model.ckpt-4: the checkpoint is incomplete or damaged. Name an earlier one, or the prefix alone",
    ),
    Row(
        "a node that the graph does not have",
        nothing,
        ["freeze", "-n", "o_enery"],
        "--node-names: the graph has no node 'o_enery'. Did you mean 'o_energy' or 'o_atom_energy'?",
    ),
    Row(
        "frames for the self-check that are not there; the file is not written",
        nothing,
        ["freeze", "-s", "water"],
        "water: there is no such file or folder. Paths count from the folder dp is started in.",
    ),
    Row(
        "a number of frames below 0",
        nothing,
        ["selfcheck", "-m", "model.pb", "-n", "-1"],
        "--numb-test: expected 0 or more frames, found -1",
    ),
    Row(
        "a self-check with a checkpoint that is not there",
        nothing,
        ["selfcheck", "-m", "model.pb", "-c", "other.ckpt"],
        "other.ckpt: there is no complete checkpoint here. Found beside it: model.ckpt-4.index, model.ckpt.index",
    ),
    Row(
        "restart without a checkpoint",
        nothing,
        ["train", "input.json", "-r", "other.ckpt"],
        "other.ckpt: there is no complete checkpoint here. Found beside it: model.ckpt-4.index, model.ckpt.index",
    ),
    Row(
        "fine-tuning from a checkpoint",
        nothing,
        ["train", "input.json", "-t", "model.ckpt"],
        "model file model.ckpt does not exist. This is a checkpoint: write a model file with `dp freeze` first",
    ),
    Row(
        "fine-tuning from a compressed model",
        constant("model_type", "compressed_model"),
        FINETUNE,
        "model.pb: is compressed; its tables cannot be trained. Fine-tune from the model that it was made from",
    ),
    Row(
        "fine-tuning from a model of another kind",
        constant("model_attr/model_type", "dos"),
        FINETUNE,
        "model.pb: expected an energy model, found model type 'dos'",
    ),
    Row(
        "fine-tuning from a model that does not hold its input",
        without(b"train_attr/training_script", b"train_attr/training_skript"),
        FINETUNE,
        "model.pb: holds no train_attr/training_script, which tells how the model is made. Give the complete input, and start from the weights by --init-frz-model",
    ),
    Row(
        "fine-tuning from a model with a key that is not supported",
        without(b'"resnet_dt":false', b'"smooth_xx":false'),
        FINETUNE,
        "model.pb, train_attr/training_script: model/descriptor/smooth_xx: unknown key. Known: activation_function, axis_neuron, exclude_types, n_axis_neuron, neuron, precision, rcut, rcut_smth, resnet_dt, seed, sel, set_davg_zero, trainable, type, type_one_side",
    ),
    Row(
        "fine-tuning with networks of another size",
        model_key("fitting_net", {"neuron": [9]}),
        FINETUNE,
        "input.json: model/fitting_net/neuron: expected [8, 8], as in model.pb, found [9]. Leave the key out, or take the whole section of the pretrained model by --use-pretrain-script",
    ),
    Row(
        "fine-tuning with another descriptor",
        model_key("descriptor", {"type": "se_e2_r", "sel": [1, 1]}),
        FINETUNE,
        'model/descriptor/type: expected "se_e2_a", as in model.pb, found "se_e2_r". Leave the key out, or take the whole section of the pretrained model by --use-pretrain-script',
    ),
    Row(
        "fine-tuning networks of each type with a new type",
        model_key("type_map", ["O", "H", "C"]),
        FINETUNE,
        "model/type_map: C: expected some of O, H, the types of model.pb, which has networks of each type. Types can be added to models with the descriptor 'se_atten', whose networks are told the types",
    ),
    Row(
        "fine-tuning with a type named twice",
        model_key("type_map", ["O", "H", "O"]),
        FINETUNE,
        "type_map: a name stands twice in O, H, O. Name each type once",
    ),
    Row(
        "fewer energies than types",
        nothing,
        ["change-bias", "model.pb", "-b", "-3.5"],
        "--bias-value: expected 2 energies, of O, H, found 1",
    ),
    Row(
        "the input as the output of a change of energies",
        nothing,
        ["change-bias", "model.pb", "-b", "-3.5", "-4", "-o", "model"],
        "--output model.pb: is the input, which would be lost. Name another file",
    ),
    Row(
        "data without energies for a change of energies",
        lambda folder: (folder / "training/set.000/energy.npy").unlink() or shutil.rmtree(folder / "training/set.001"),
        ["change-bias", "model.pb", "-s", "training"],
        "no frame of the data has an energy. Give systems with energy.npy, or energies by --bias-value",
    ),
    Row(
        "a number of frames below 0 for a change of energies",
        nothing,
        ["change-bias", "model.pb", "-n", "-1"],
        "--numb-batch: expected 0 or more frames, found -1",
    ),
]
