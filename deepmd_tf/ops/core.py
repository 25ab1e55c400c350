"""The native core by ctypes: NumPy in, NumPy out, no TensorFlow. Calls release the interpreter lock.

All functions compute in float64, or in float32 when their first floating point array is float32. Results do not
depend on ``threads``, and are the same bit for bit on every SIMD target.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deepmd_tf.errors import DataError, OpLibraryError
from deepmd_tf.ops import library

_INVALID_INPUT, _NO_MEMORY = 1, 2


class EnvMat(NamedTuple):
    """Outputs of :func:`env_mat`, with nnei = sum(sel)."""

    descrpt: np.ndarray  # [nf, N, nnei, components]
    deriv: np.ndarray | None  # [nf, N, nnei, components, 3]
    rij: np.ndarray  # [nf, N, nnei, 3], Å
    nlist: np.ndarray  # [nf, N, nnei] int32, -1 where a slot is empty


class NeighborStat(NamedTuple):
    """Outputs of :func:`neighbor_stat`; -1 stands for "there is none"."""

    min_distance: float  # Å; inf when no pair is nearer than rcut
    min_pair: tuple[int, int, int]  # frame, atom, atom
    max_neighbors: np.ndarray  # [ntypes] int32, or [1] when mixed
    worst: np.ndarray  # [ntypes or 1, 2] int64: the first frame and atom that have them


class _Options(ctypes.Structure):
    _fields_ = (("precision", ctypes.c_int32), ("threads", ctypes.c_int32), ("target", ctypes.c_char_p))


class _Frames(ctypes.Structure):
    _fields_ = (
        ("nframes", ctypes.c_int64),
        ("nloc", ctypes.c_int32),
        ("nall", ctypes.c_int32),
        ("ntypes", ctypes.c_int32),
    )


class _Rows(ctypes.Structure):
    _fields_ = (
        ("nframes", ctypes.c_int64),
        ("nloc", ctypes.c_int32),
        ("nall", ctypes.c_int32),
        ("nnei", ctypes.c_int32),
        ("components", ctypes.c_int32),
    )


class _Groups(ctypes.Structure):
    _fields_ = (("ngroups", ctypes.c_int64), ("nrows", ctypes.c_int64), ("width", ctypes.c_int64))


def targets() -> tuple[str, ...]:
    """Names of the SIMD targets that this processor can run, slowest first.

    The last is used unless ``target=`` or the environment variable ``DEEPMD_TF_SIMD`` names another.
    """
    function = library.core().dp_target
    function.restype = ctypes.c_char_p
    names = []
    while (name := function(ctypes.c_int32(len(names)))) is not None:
        names.append(name.decode())
    return tuple(names)


def env_mat(
    coord,
    atype,
    box,
    *,
    rcut: float,
    rcut_smth: float,
    sel: Sequence[int],
    components: int = 4,
    davg=None,
    dstd=None,
    derivative: bool = True,
    threads: int = 1,
    target: str | None = None,
) -> EnvMat:
    """Environment matrix of each atom, searching its neighbours.

    Parameters
    ----------
    coord : array [nf, N*3]
        Positions, Å.
    atype : int array [nf, N]
        Types below ``len(sel)``; negative for virtual atoms.
    box : array [nf, 9] or None
        Lattice vectors as rows, Å; None for open boundaries.
    rcut, rcut_smth : float
        Cutoff and start of the switching function, Å; rounded to float32 as the TensorFlow op does.
    sel : sequence of int
        Neighbour slots of each type.
    components : int, optional
        4 for rows s(r) (1, x/r, y/r, z/r), 1 for s(r) alone.
    davg, dstd : array [ntypes, nnei*components], optional
        Mean and scale by type of the centre; 0 and 1 where absent.
    derivative : bool, optional
        Whether to compute ``deriv``.
    threads : int, optional
        Threads to use.
    target : str, optional
        SIMD target, one of :func:`targets`.

    Returns
    -------
    EnvMat

    Raises
    ------
    DataError
        For a type out of range, a position that is not finite, a box without volume; frame and atom are named.
    """
    coord = _floating(coord)
    nf, natoms = _frames_of(coord)
    sel = np.ascontiguousarray(sel, np.int32)
    nnei = int(sel.sum())
    dtype = coord.dtype
    out = EnvMat(
        np.empty((nf, natoms, nnei, components), dtype),
        np.empty((nf, natoms, nnei, components, 3), dtype) if derivative else None,
        np.empty((nf, natoms, nnei, 3), dtype),
        np.empty((nf, natoms, nnei), np.int32),
    )
    width = (len(sel), components * nnei)
    _call(
        "dp_env_mat",
        _options(dtype, threads, target),
        _Frames(nf, natoms, natoms, len(sel)),
        float(np.float32(rcut)),
        float(np.float32(rcut_smth)),
        ctypes.c_int32(components),
        sel,
        coord,
        _shaped(atype, np.int32, (nf, natoms), "atype"),
        _shaped(box, dtype, (nf, 9), "box"),
        _shaped(davg, dtype, width, "davg"),
        _shaped(dstd, dtype, width, "dstd"),
        *out,
    )
    return out


def neighbor_stat(
    coord, atype, box, *, rcut: float, ntypes: int, mixed: bool = False, threads: int = 1, target: str | None = None
) -> NeighborStat:
    """Smallest distance and largest numbers of neighbours over all frames and periodic images.

    Parameters
    ----------
    coord, atype, box, threads, target
        As :func:`env_mat`; virtual atoms do not count.
    rcut : float
        Only pairs nearer than this are looked at, Å.
    ntypes : int
        Number of types.
    mixed : bool, optional
        Count all neighbours together instead of per type.

    Returns
    -------
    NeighborStat

    Raises
    ------
    DataError
        As :func:`env_mat`.
    """
    coord = _floating(coord)
    nf, natoms = _frames_of(coord)
    columns = 1 if mixed else ntypes
    distance, pair = ctypes.c_double(), np.empty(3, np.int64)
    most, worst = np.empty(columns, np.int32), np.empty((columns, 2), np.int64)
    _call(
        "dp_neighbor_stat",
        _options(coord.dtype, threads, target),
        _Frames(nf, natoms, natoms, ntypes),
        float(rcut),
        ctypes.c_int32(mixed),
        coord,
        _shaped(atype, np.int32, (nf, natoms), "atype"),
        _shaped(box, coord.dtype, (nf, 9), "box"),
        ctypes.byref(distance),
        pair,
        most,
        worst,
    )
    return NeighborStat(distance.value, tuple(int(k) for k in pair), most, worst)


def prod_force(net_deriv, deriv, nlist, *, nall: int | None = None, threads: int = 1, target: str | None = None):
    """Force on each atom from the derivative of the energy by the environment matrix.

    Parameters
    ----------
    net_deriv : array [nf, N, nnei, components]
        The components of a slot are 4 or 1.
    deriv : array [nf, N, nnei, components, 3]
    nlist : int array [nf, N, nnei]
    nall : int, optional
        Number of atoms with ghost atoms; N where absent.

    Returns
    -------
    array [nf, nall, 3]
    """
    net_deriv, rows = _rows_of(net_deriv, nlist, nall)
    force = np.empty((rows.nframes, rows.nall, 3), net_deriv.dtype)
    _call_rows("dp_force", rows, net_deriv, (net_deriv, deriv), nlist, (force,), threads, target)
    return force


def prod_force_grad(grad, deriv, nlist, *, threads: int = 1, target: str | None = None):
    """The transpose of :func:`prod_force`: grad [nf, nall, 3] -> [nf, N, nnei, components]."""
    grad = _floating(grad)
    shape = np.shape(deriv)[:-1]
    rows = _Rows(*shape[:2], grad.shape[1], *shape[2:])
    out = np.empty(shape, grad.dtype)
    _call_rows("dp_force_grad", rows, grad, (grad, deriv), nlist, (out,), threads, target)
    return out


def prod_virial(
    net_deriv, deriv, rij, nlist, *, nall: int | None = None, atomic: bool = True, threads: int = 1, target=None
):
    """Virial [nf, 9] and atomic virial [nf, nall, 9] (None unless ``atomic``); arguments as :func:`prod_force`."""
    net_deriv, rows = _rows_of(net_deriv, nlist, nall)
    virial = np.empty((rows.nframes, 9), net_deriv.dtype)
    atom_virial = np.empty((rows.nframes, rows.nall, 9), net_deriv.dtype) if atomic else None
    _call_rows("dp_virial", rows, net_deriv, (net_deriv, deriv, rij), nlist, (virial, atom_virial), threads, target)
    return virial, atom_virial


def prod_virial_grad(grad, deriv, rij, nlist, *, grad_atom=None, threads: int = 1, target: str | None = None):
    """The transpose of :func:`prod_virial`: grad [nf, 9], grad_atom [nf, nall, 9] or None.

    Returns [nf, N, nnei, components].
    """
    grad = _floating(grad)
    shape = np.shape(deriv)[:-1]
    rows = _Rows(*shape[:2], shape[1] if grad_atom is None else np.shape(grad_atom)[1], *shape[2:])
    out = np.empty(shape, grad.dtype)
    _call_rows("dp_virial_grad", rows, grad, (grad, grad_atom, deriv, rij), nlist, (out,), threads, target)
    return out


def gelu(x, *, order: int = 0, threads: int = 1, target: str | None = None):
    """GELU in its tanh form (order 0), its first or second derivative, of any shape."""
    x = _floating(x)
    out, ones = np.empty_like(x), np.ones_like(x)
    name = ("dp_gelu", "dp_gelu_grad", "dp_gelu_grad_grad")[order]
    _call(name, _options(x.dtype, threads, target), ctypes.c_int64(x.size), *[ones] * order, x, out)
    return out


def group_outer(env, feature, offsets, *, threads: int = 1, target: str | None = None):
    """Sum of the outer products of the rows of each group: x[i, a, k] = sum_j env[j, a] feature[j, k].

    Parameters
    ----------
    env : array [nrows, 4]
    feature : array [nrows, width]
    offsets : int array [ngroups + 1]
        Group i owns the rows offsets[i] to offsets[i + 1] - 1: from 0 to nrows, not decreasing.
    threads, target
        As :func:`env_mat`.

    Returns
    -------
    array [ngroups, 4, width]

    Raises
    ------
    DataError
        For shapes that do not agree, or offsets that do not divide the rows into groups.
    """
    env = _floating(env)
    groups = _Groups(_ngroups(offsets), len(env), _width(feature, 2, "feature"))
    x = np.empty((groups.ngroups, 4, groups.width), env.dtype)
    arrays = (("env", env, (groups.nrows, 4)), ("feature", feature, (groups.nrows, groups.width)))
    _call_groups("dp_group_outer", groups, arrays, offsets, x, threads, target)
    return x


def group_spread(env, x, offsets, *, threads: int = 1, target: str | None = None):
    """feature[j, k] = sum_a env[j, a] x[g(j), a, k], g(j) the group of row j; arguments as :func:`group_outer`."""
    env = _floating(env)
    groups = _Groups(_ngroups(offsets), len(env), _width(x, 3, "x"))
    feature = np.empty((groups.nrows, groups.width), env.dtype)
    arrays = (("env", env, (groups.nrows, 4)), ("x", x, (groups.ngroups, 4, groups.width)))
    _call_groups("dp_group_spread", groups, arrays, offsets, feature, threads, target)
    return feature


def group_dot(feature, x, offsets, *, threads: int = 1, target: str | None = None):
    """env[j, a] = sum_k feature[j, k] x[g(j), a, k], g(j) the group of row j; arguments as :func:`group_outer`."""
    feature = _floating(feature)
    groups = _Groups(_ngroups(offsets), len(feature), _width(feature, 2, "feature"))
    env = np.empty((groups.nrows, 4), feature.dtype)
    arrays = (("feature", feature, feature.shape), ("x", x, (groups.ngroups, 4, groups.width)))
    _call_groups("dp_group_dot", groups, arrays, offsets, env, threads, target)
    return env


def _floating(array) -> np.ndarray:
    """C order, float32 if it is, else float64."""
    array = np.asarray(array)
    return np.ascontiguousarray(array, np.float32 if array.dtype == np.float32 else np.float64)


def _frames_of(coord: np.ndarray) -> tuple[int, int]:
    if coord.ndim != 2 or coord.shape[1] % 3:
        raise DataError(f"coord: expected shape [nframes, natoms*3], found {coord.shape}")
    return coord.shape[0], coord.shape[1] // 3


def _rows_of(net_deriv, nlist, nall: int | None) -> tuple[np.ndarray, _Rows]:
    net_deriv = _floating(net_deriv)
    nf, nloc, nnei = np.shape(nlist)
    return net_deriv, _Rows(nf, nloc, nloc if nall is None else nall, nnei, net_deriv.shape[-1])


def _ngroups(offsets) -> int:
    if np.ndim(offsets) != 1 or not len(offsets):
        raise DataError(f"offsets: expected a vector of ngroups + 1 numbers, found shape {np.shape(offsets)}")
    return len(offsets) - 1


def _width(array, ndim: int, name: str) -> int:
    if np.ndim(array) != ndim:
        raise DataError(f"{name}: expected {ndim} dimensions, found shape {np.shape(array)}")
    return np.shape(array)[-1]


def _shaped(array, dtype, shape: tuple[int, ...], name: str) -> np.ndarray | None:
    """The array, dense, of the dtype; None stays None."""
    if array is None:
        return None
    array = np.ascontiguousarray(array, dtype)
    if array.size != np.prod(shape, dtype=np.int64):
        raise DataError(f"{name}: expected shape {shape}, found {array.shape}")
    return array


def _options(dtype: np.dtype, threads: int, target: str | None) -> _Options:
    return _Options(8 * dtype.itemsize, threads, None if target is None else target.encode())


def _call_rows(name, rows: _Rows, first: np.ndarray, inputs, nlist, outputs, threads: int, target) -> None:
    dense = [None if array is None else np.ascontiguousarray(array, first.dtype) for array in inputs]
    nlist = np.ascontiguousarray(nlist, np.int32)
    _call(name, _options(first.dtype, threads, target), rows, *dense, nlist, *outputs)


def _call_groups(name, groups: _Groups, arrays, offsets, out: np.ndarray, threads: int, target) -> None:
    dense = [_shaped(array, out.dtype, shape, what) for what, array, shape in arrays]
    offsets = np.ascontiguousarray(offsets, np.int32)
    _call(name, _options(out.dtype, threads, target), groups, *dense, offsets, out)


def _call(name: str, options: _Options, *arguments) -> None:
    """Call a function of the C interface; its status becomes an exception."""
    core = library.core()
    status = getattr(core, name)(ctypes.byref(options), *[_pass(argument) for argument in arguments])
    if status == 0:
        return
    core.dp_last_error.restype = ctypes.c_char_p
    text = core.dp_last_error().decode()
    if status == _INVALID_INPUT:
        raise DataError(text)
    if status == _NO_MEMORY:
        raise MemoryError(text)
    raise OpLibraryError(f"{name}: {text}")


def _pass(argument):
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, np.ndarray):
        return argument.ctypes.data_as(ctypes.c_void_p)
    if isinstance(argument, ctypes.Structure):
        return ctypes.byref(argument)
    return ctypes.c_double(argument) if isinstance(argument, float) else argument
