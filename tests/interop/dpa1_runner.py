"""Runs inside deepmd-kit's environment: its reference of DPA-1 on random options, weights and structures.

    python dpa1_runner.py equations SEED COUNT FOLDER [PRECISION]
        COUNT sets: FOLDER/N.json (options, dictionaries as drawn, as evaluated, and of the block) and N.npz
    python dpa1_runner.py layers SEED COUNT FOLDER       the same of the classes of the attention
    python dpa1_runner.py read FOLDER OUT.npz            FOLDER/N.json and N.npz -> N/D, N/rot_mat..., of dictionaries
    python dpa1_runner.py electrons SYMBOLS OUT.npz      numbers that its type table of these elements starts from
    python dpa1_runner.py descriptors MODEL IN.npz OUT.npz    CASE/coords|cells|types -> CASE, of a frozen model

In the JSON file an array is ``{"array": NAME}``, with NAME in the NPZ file beside it.
"""

import copy
import itertools
import json
import pathlib
import sys

import numpy as np
from deepmd.dpmodel.descriptor.dpa1 import (
    DescrptDPA1,
    GatedAttentionLayer,
    NeighborGatedAttention,
    NeighborGatedAttentionLayer,
)
from deepmd.dpmodel.utils.nlist import extend_input_and_build_neighbor_list

ACTIVATIONS = ["tanh", "gelu", "gelu_tf", "relu", "relu6", "softplus", "sigmoid", "silu", "silut", "silut:1.5"]
ACTIVATIONS += ["custom_silu:2", "linear", "none", "Tanh"]
ELEMENTS = ["O", "H", "Cu", "U"]


def options(rng, number) -> dict:
    """Options of the class; what decides between formulas is gone through in turn, the rest is drawn."""
    strip, one_side, smooth, dotr = (bool(number >> bit & 1) for bit in range(4))
    ntypes = int(rng.integers(1, 5))
    width = int(rng.choice([2, 3, 4]))
    pairs = list(itertools.combinations_with_replacement(range(ntypes), 2))
    nnei = int(rng.choice([5, 9, 16, 24]))
    tebd_dim = int(rng.choice([ntypes, 2 * ntypes, 3, 5]))
    found = {
        "rcut": float(rng.uniform(3.5, 5.0)),
        "rcut_smth": float(rng.uniform(0.3, 3.0)),
        "sel": [nnei] if rng.random() < 0.5 else [nnei - 3, 3],
        "ntypes": ntypes,
        "neuron": [[width, 2 * width, 4 * width], [width, width], [2, 6, 12]][number % 3],
        "axis_neuron": int(rng.integers(1, width if number % 3 == 1 else 5)),
        "tebd_dim": tebd_dim,
        "tebd_input_mode": "strip" if strip else "concat",
        "resnet_dt": bool(rng.random() < 0.5),
        "type_one_side": one_side,
        "attn": int(rng.integers(1, 9)),
        "attn_layer": int(rng.choice([0, 1, 1, 2, 2, 3])),
        "attn_dotr": dotr,
        "exclude_types": [pairs[k] for k in rng.permutation(len(pairs))[: int(rng.integers(0, min(3, len(pairs))))]],
        "env_protection": float(rng.choice([0.0, 0.01, 0.5])),
        "activation_function": ACTIVATIONS[number % len(ACTIVATIONS)],
        "scaling_factor": float(rng.choice([1.0, 0.3, 4.0])),
        "normalize": bool(rng.random() < 0.6),
        "temperature": [None, 0.37, 1.0][int(rng.integers(3))],
        "ln_eps": [None, 1e-3][int(rng.integers(2))],
        "smooth_type_embedding": smooth,
        "concat_output_tebd": bool(rng.random() < 0.6),
        "use_econf_tebd": bool(rng.random() < 0.35),
        "use_tebd_bias": bool(rng.random() < 0.5),
        "type_map": ELEMENTS[:ntypes],
        "seed": number,
    }
    if has_ties(number):
        found["sel"] = [80]  # for all, so that none at the same distance as another is left out
    return found


def randomized(rng, found: dict, number: int) -> dict:
    """Its dictionary with statistics (none, equal in all slots, or any) and layer norms as after training."""
    shape = found["@variables"]["davg"].shape
    if number % 3:
        drawn = shape if number % 3 == 2 else (shape[0], 1, 4)
        found["@variables"]["davg"] = np.tile(rng.normal(scale=0.2, size=drawn), (1, shape[1] // drawn[1], 1))
        found["@variables"]["dstd"] = np.tile(rng.uniform(0.1, 0.5, size=drawn), (1, shape[1] // drawn[1], 1))
    for layer in found["attention_layers"]["attention_layers"]:
        norm = layer["attn_layer_norm"]["@variables"]
        norm["w"], norm["b"] = rng.normal(1.0, 0.3, size=norm["w"].shape), rng.normal(size=norm["b"].shape)
    return found


def has_ties(number: int) -> bool:
    """Whether the cell of this set is smaller than the cutoff."""
    return number % 6 == 1


def structure(rng, ntypes: int, number: int) -> dict:
    """Positions [N, 3], types [N], cell [3, 3] or absent; now and then a lonely atom or virtual ones.

    Atoms see images of themselves where the statistics are the same in all slots: the order of two at the same
    distance is an accident.
    """
    natoms = int(rng.integers(4, 9))
    sites = np.array(list(itertools.product(range(3), repeat=3)))[rng.permutation(27)[:natoms]]
    coord = 1.6 * sites + rng.normal(scale=0.2, size=(natoms, 3))
    atype = rng.integers(0, ntypes, size=natoms)
    if rng.random() < 0.25:
        atype[rng.integers(0, natoms, size=1 + number % 2)] = -1
    if number % 2:
        edges = [4.0, 4.2, 4.4] if has_ties(number) else [5.1, 5.2, 5.3]
        return {"coord": coord, "atype": atype, "box": np.diag(edges) + np.tril(rng.normal(size=(3, 3)), -1)}
    coord[-1] += 30.0 * (rng.random() < 0.5)
    return {"coord": coord, "atype": atype}


def evaluate(model, given: dict, sel: int) -> dict:
    """What the class, and the block inside it, say of one frame."""
    box = given["box"].reshape(1, 9) if "box" in given else None
    coord, atype, mapping, nlist = extend_input_and_build_neighbor_list(
        given["coord"].reshape(1, -1), given["atype"][None], model.get_rcut(), [sel], mixed_types=True, box=box
    )
    found = model.call(coord, atype, nlist)
    table = model.type_embedding.call()
    block = model.se_atten.call(
        nlist, coord.reshape(1, -1, 3), atype, table[atype], mapping=mapping, type_embedding=table
    )
    return {"D": found[0][0], "rot_mat": found[1][0], "sw": found[4][0, ..., 0], "g2": block[1][0], "h2": block[2][0]}


def store(tree, arrays: dict):
    """The tree with arrays taken out into ``arrays``."""
    if isinstance(tree, dict):
        return {str(key): store(value, arrays) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [store(value, arrays) for value in tree]
    if isinstance(tree, np.ndarray):
        arrays[f"array_{len(arrays)}"] = tree
        return {"array": f"array_{len(arrays) - 1}"}
    return tree.item() if isinstance(tree, np.generic) else tree


def write(folder, number: int, tree: dict, given: dict, found: dict) -> None:
    """FOLDER/N.json and N.npz."""
    arrays: dict = {}
    with open(f"{folder}/{number}.json", "w") as file:
        json.dump(store(tree, arrays), file)
    named = {f"{where}/{k}": v for where, values in (("given", given), ("found", found)) for k, v in values.items()}
    np.savez(f"{folder}/{number}.npz", **arrays, **named)


def filled(tree, arrays):
    """A tree of :func:`store` with its arrays."""
    if isinstance(tree, list):
        return [filled(value, arrays) for value in tree]
    if not isinstance(tree, dict):
        return tree
    return arrays[tree["array"]] if set(tree) == {"array"} else {k: filled(v, arrays) for k, v in tree.items()}


def equations(seed, count, folder, precision="float64"):
    for number in range(int(count)):
        rng = np.random.default_rng([int(seed), number])
        chosen = options(rng, number) | {"precision": precision}
        fresh = DescrptDPA1(**chosen).serialize()
        model = DescrptDPA1.deserialize(randomized(rng, copy.deepcopy(fresh), number))
        given = structure(rng, chosen["ntypes"], number)
        found = evaluate(model, given, sum(chosen["sel"]))
        if has_ties(number):
            del found["g2"], found["h2"]  # by slot
        tree = {"options": chosen, "fresh": fresh, "dictionary": model.serialize(), "block": model.se_atten.serialize()}
        write(folder, number, tree, given, found)


def layers(seed, count, folder):
    kinds = [GatedAttentionLayer, NeighborGatedAttentionLayer, NeighborGatedAttention]
    for number in range(int(count)):
        rng = np.random.default_rng([int(seed), number])
        cls, nnei = kinds[number % 3], int(rng.integers(3, 9))
        chosen = {
            "nnei": nnei,
            "embed_dim": int(rng.integers(2, 6)),
            "hidden_dim": int(rng.integers(1, 6)),
            "dotr": bool(rng.random() < 0.5),
            "scaling_factor": float(rng.choice([1.0, 0.3])),
            "normalize": bool(rng.random() < 0.5),
            "temperature": [None, 0.37][int(rng.integers(2))],
            "smooth": bool(rng.random() < 0.5),
            "seed": [number, 3] if number % 2 else number,
        }
        if cls is GatedAttentionLayer:
            chosen["bias"] = bool(rng.random() < 0.5)
        elif cls is NeighborGatedAttention:
            chosen["layer_num"] = int(rng.integers(0, 4))
        model = cls(**chosen)
        mask = rng.random((4, nnei)) < 0.7
        given = {
            "x": rng.normal(size=(4, nnei, chosen["embed_dim"])),
            "nei_mask": mask,
            "input_r": rng.normal(size=(4, nnei, 3)),
            "sw": rng.uniform(size=(4, nnei)) * mask,
        }
        value = model.call(given["x"], mask, input_r=given["input_r"], sw=given["sw"])
        value = value[0] if cls is GatedAttentionLayer else value
        tree = {"class": cls.__name__, "options": chosen, "dictionary": model.serialize()}
        write(folder, number, tree, given, {"value": value})


def read(folder, out):
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
            arrays = dict(stored)
        model = DescrptDPA1.deserialize(filled(json.loads(path.read_text()), arrays))
        given = {name.removeprefix("given/"): value for name, value in arrays.items() if name.startswith("given/")}
        found |= {f"{path.stem}/{k}": v for k, v in evaluate(model, given, sum(model.get_sel())).items()}
    np.savez(out, **found)


def electrons(symbols, out):
    """With a matrix of zeros, the layer from 118 to 118 numbers hands its input on."""
    names = symbols.split(",")
    model = DescrptDPA1(4.0, 0.5, 8, len(names), tebd_dim=118, use_econf_tebd=True, type_map=names)
    found = model.serialize()
    layer = found["type_embedding"]["embedding"]["layers"][0]["@variables"]
    layer["w"] = np.zeros_like(layer["w"])
    np.savez(out, rows=DescrptDPA1.deserialize(found).type_embedding.call())


def descriptors(model, given, out):
    from deepmd.infer import DeepPot  # TensorFlow, which the rest does without

    potential, found = DeepPot(model), {}
    with np.load(given, allow_pickle=False) as arrays:
        for case in sorted({key.split("/")[0] for key in arrays}):
            one = {key.split("/")[1]: arrays[key] for key in arrays if key.split("/")[0] == case}
            found[case] = potential.eval_descriptor(one["coords"], one.get("cells"), one["types"])
    np.savez(out, **found)


COMMANDS = (equations, layers, read, electrons, descriptors)

if __name__ == "__main__":
    {command.__name__: command for command in COMMANDS}[sys.argv[1]](*sys.argv[2:])
