"""The compiled datapath by ctypes: NumPy in, NumPy out, no TensorFlow. Calls release the interpreter lock."""

from __future__ import annotations

import ctypes
import functools

import numpy as np

from deepmd_tf.errors import DataError, OpLibraryError
from deepmd_tf.ops.library import REPAIR
from nvnmd.device_file.model import DeviceModel
from nvnmd.ops.library import FOLDER
from nvnmd.simulate.networks import WEIGHT
from nvnmd.simulate.numbers import Numbers
from nvnmd.simulate.registers import REGISTERS, Record

LIBRARY = "libnvnmd_core.so"
_OK, _INVALID_INPUT, _NO_MEMORY = 0, 1, 2
_INTEGERS, _SINGLE = ("version", "ntypes"), ("rcut", "scale")
_ARRAYS = (
    "slots", "u_groups", "s_groups", "switches", "switch_slopes", "features", "feature_slopes", "scales", "factors",
    "shifts", "forward", "forward_unit", "backward", "backward_unit", "last", "last_unit", "biases", "last_bias",
)  # fmt: skip


class _Model(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in _INTEGERS),
        *((name, ctypes.c_double) for name in _SINGLE),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    )


class _Registers(ctypes.Structure):
    _fields_ = (
        ("saturate", ctypes.c_int32),
        *((name, ctypes.c_void_p) for name in ("limits", "largest", "over", "under")),
    )


@functools.cache
def library() -> ctypes.CDLL:
    """The core of the plug-in as a ctypes library.

    Raises
    ------
    OpLibraryError
        It was not built, cannot be loaded, or is of another version.
    """
    path = FOLDER / LIBRARY
    try:
        found = ctypes.CDLL(str(path))
        found.nvnmd_last_error.restype = ctypes.c_char_p
        count = found.nvnmd_register_count()
    except (OSError, AttributeError) as error:
        raise OpLibraryError(f"the native library {path} cannot be loaded: {error}", REPAIR) from error
    if count != len(REGISTERS):
        raise OpLibraryError(f"{path}: expected {len(REGISTERS)} registers, found {count}", REPAIR)
    return found


class Compiled:
    """A model in the form that the compiled datapath reads.

    Parameters
    ----------
    model : DeviceModel
    numbers : Numbers
        Those of the model.

    Raises
    ------
    OpLibraryError
        See :func:`library`.
    """

    def __init__(self, model: DeviceModel, numbers: Numbers):
        self._library = library()
        self._arrays = {name: np.ascontiguousarray(array) for name, array in _arrays(model, numbers).items()}
        single = dict(version=numbers.version, ntypes=numbers.ntypes, rcut=numbers.rcut)
        pointers = {name: array.ctypes.data for name, array in self._arrays.items()}
        self._model = _Model(**single, scale=numbers.scale, **pointers)

    def evaluate(self, coord, box, atype, record: Record, threads: int):
        """Energies [nf, N], forces [nf, N, 3] and virials [nf, 9]; see :meth:`nvnmd.simulate.device.Device.evaluate`.

        Parameters
        ----------
        coord : float64 array [nf, N, 3]
        box : float64 array [nf, 3, 3] or None
        atype : int32 array [nf, N]
        record : Record
            Numbers that pass through the registers are noted there.
        threads : int
            At least 1; results do not depend on it.

        Raises
        ------
        DataError
            An atom, a box, or data of the fitting net that cannot be worked with.
        """
        nframes, natoms = atype.shape
        arrays = {"coord": coord, "atype": atype, "box": box}
        dtypes = {"coord": np.float64, "atype": np.int32, "box": np.float64}
        given = [None if a is None else np.ascontiguousarray(a, dtypes[name]) for name, a in arrays.items()]
        found = [np.empty(shape) for shape in ((nframes, natoms), (nframes, natoms, 3), (nframes, 9))]
        limits = np.ascontiguousarray(record.limits)
        seen = [array.ctypes.data for array in (limits, record.largest, record.over, record.under)]
        status = self._library.nvnmd_simulate(
            ctypes.byref(self._model), ctypes.c_int32(threads), ctypes.c_int64(nframes), ctypes.c_int32(natoms),
            *map(_pointer, [*given, *found]), ctypes.byref(_Registers(int(record.saturate), *seen)),
        )  # fmt: skip
        if status != _OK:
            _fail(status, self._library.nvnmd_last_error().decode())
        return found


def _arrays(model: DeviceModel, numbers: Numbers) -> dict[str, np.ndarray]:
    """Arrays of nvnmd::Model, see ``nvnmd/simulate.h``."""

    def by_power(table):
        return np.moveaxis(table, -1, -2)

    def units(exponents):
        return np.ldexp(1.0, exponents - WEIGHT)

    biases = np.broadcast_to(model.biases[: numbers.ntypes], (numbers.ntypes, *model.biases.shape[1:])).astype(float)
    if numbers.version == 1:
        biases[:, 0] += model.type_vectors[: numbers.ntypes]
    return {
        "slots": np.array(numbers.slots, np.int32),
        "u_groups": numbers.u_groups, "s_groups": numbers.s_groups,
        "switches": by_power(numbers.switch), "switch_slopes": by_power(numbers.switch_slope),
        "features": by_power(numbers.feature), "feature_slopes": by_power(numbers.feature_slope),
        "scales": numbers.scales, "factors": numbers.factors, "shifts": numbers.shifts,
        "forward": model.forward.astype(float), "forward_unit": units(model.forward_exponents),
        "backward": np.swapaxes(model.backward, -1, -2).astype(float), "backward_unit": units(model.backward_exponents),
        "last": model.final.astype(float), "last_unit": units(model.final_exponent),
        "biases": biases, "last_bias": model.final_bias.astype(float),
    }  # fmt: skip


def _pointer(array: np.ndarray | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if array is None else array.ctypes.data)


def _fail(status: int, text: str) -> None:
    if status == _INVALID_INPUT:
        raise DataError(text)
    if status == _NO_MEMORY:
        raise MemoryError(text)
    raise OpLibraryError(f"the simulation ended: {text}")
