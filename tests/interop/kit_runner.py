"""Runs inside deepmd-kit's environment: evaluate a model there and hand the arrays back.

    python kit_runner.py MODEL IN.npz OUT.npz

IN holds ``CASE/coords``, ``CASE/types`` and, where they apply, ``CASE/cells``, ``CASE/fparam``, ``CASE/aparam``;
OUT gets ``CASE/energy``, ``force``, ``virial``, ``atom_energy``, ``atom_virial``.
"""

import sys

import numpy as np
from deepmd.infer import DeepPot

NAMES = ("energy", "force", "virial", "atom_energy", "atom_virial")


def main(model, given, results):
    potential = DeepPot(model)
    found = {}
    with np.load(given, allow_pickle=False) as arrays:
        for case in sorted({key.split("/")[0] for key in arrays}):
            case_arrays = {key.split("/")[1]: arrays[key] for key in arrays if key.split("/")[0] == case}
            values = potential.eval(
                case_arrays["coords"],
                case_arrays.get("cells"),
                case_arrays["types"],
                atomic=True,
                fparam=case_arrays.get("fparam"),
                aparam=case_arrays.get("aparam"),
            )
            found.update({f"{case}/{name}": value for name, value in zip(NAMES, values)})
    np.savez(results, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
