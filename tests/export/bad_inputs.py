"""Malformed models and checkpoints, each with the message it gets; docs/bad-input.md shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
        "fine-tuning, which needs a type embedding",
        nothing,
        ["train", "input.json", "-t", "model.pb"],
        "--finetune is not supported by this program. Use --init-model or --init-frz-model to start from a model",
    ),
]
