"""Arguments of the ops, for tests against the arithmetic in integers and against deepmd-kit's ops."""

from __future__ import annotations

import numpy as np

from nvnmd import fixed_point

TABLE_INFO = {
    "one": [0, 4, 0.125, 0, 32],
    "two": [-1, 0, 1 / 16, 0, 16, -1, 15, 1.0, 16, 32],
    "tenths": [0.25, 3.05, 0.1, 2, 30],  # whose boundaries are not representable
}


def numbers(shape, span=8, seed=0) -> np.ndarray:
    """Numbers of both signs with exponents up to +-span, and zeros of both signs."""
    rng = np.random.default_rng([span, seed, *shape])
    x = rng.normal(size=shape) * 2.0 ** rng.integers(-span, span + 1, shape)
    x[rng.random(shape) < 0.12] = 0.0
    x[rng.random(shape) < 0.03] = -0.0
    return x


def of_elements(span) -> dict:
    """{name: (op, attributes, inputs, expected)} of the ops of single numbers."""
    x, w = numbers((3, 20, 17), span), numbers((3, 20, 17), span, 1)
    w[0, 0] = -x[0, 0]
    x[0, 1, :4] = [1e-310, -1e-310, 2.0**-1022, 2.0**-1000]
    column, small = x[..., :1].copy(), x * 2.0**-103
    return {
        "flt": ("FltNvnmd", {}, [x], [fixed_point.flt(x)]),
        "copy": ("CopyFltNvnmd", {}, [x], [fixed_point.flt(x)] * 2),
        "add": ("AddFltNvnmd", {}, [x, w], [fixed_point.add(x, w)]),
        "mul": ("MulFltNvnmd", {}, [x, w], [fixed_point.mul(x, w)]),
        "mul of a column": ("MulFltNvnmd", {}, [column, w], [fixed_point.mul(column, w)]),
        "dotmul": ("DotmulFltNvnmd", {}, [x, w], [fixed_point.dotmul(x, w)]),
        "dotmul of small numbers": ("DotmulFltNvnmd", {}, [small, w], [fixed_point.dotmul(small, w)]),
        "dotmul of rank 2": ("DotmulFltNvnmd", {}, [x[0], w[0]], [fixed_point.dotmul(x[0], w[0])]),
    }


def of_matrices(span) -> dict:
    """The same of the matrix products; the shapes leave rests of all groups of rows and columns."""
    cases = {}
    for h, n, m, k in ((3, 4, 24, 9), (1, 70, 5, 17), (2, 1, 1, 1)):
        x, w = numbers((h, n, m), span), numbers((h, m, k), span, 1)
        name = f"{h},{n},{m},{k}"
        for normx, normw in ((0, 0), (1, 0), (0, 17), (16, 16), (1, 1)):
            y = fixed_point.matmul_flt(x, w, normx, normw)
            cases[f"matmul_flt {name} {normx} {normw}"] = (
                *("MatmulFltNvnmd", {"normx": normx, "normw": normw}, [x, w], [y]),
            )
        cases[f"matmul_flt2fix {name}"] = (
            *("MatmulFlt2fixNvnmd", {"nbit": 23}, [x, w], [fixed_point.matmul_flt2fix(x, w, 23)]),
        )
    x, w = x[0], w[0]
    cases["matmul_flt of rank 2"] = (
        *("MatmulFltNvnmd", {"normx": 1, "normw": 0}, [x, w], [fixed_point.matmul_flt(x, w, 1, 0)]),
    )
    return cases


def of_fixed_point() -> dict:
    """The same of the ops of the fitting net, in its domain."""
    cases = {}
    for n, m, k in ((70, 128, 9), (5, 24, 128), (3, 128, 1)):
        x, w = numbers((n, m), 2) % 8 * np.sign(numbers((n, m), 2, 1)), numbers((m, k), 8, 2)
        w[:, 0] = 0
        for normw in (0, 1):
            y = fixed_point.matmul_fitnet(x, w, 23, 19, normw)
            cases[f"matmul_fitnet {n},{m},{k} {normw}"] = (
                *("MatmulFitnetNvnmd", {"nbitx": 23, "nbitw": 19, "normw": normw}, [x, w], [y]),
            )
    x = numbers((4, 30), 6)
    x[0, :6] = [0.5, -0.5, -0.25, np.nextafter(0.5, 0), 1.5, -2.5]
    for isround in (0, 1):
        for nbit in (-1, 0, 3, 23):
            bits = dict(isround=isround, nbit1=nbit, nbit2=21, nbit3=20)
            y = fixed_point.quantize(x, nbit, isround=bool(isround))
            cases[f"quantize {isround} {nbit}"] = ("QuantizeNvnmd", bits, [x], [y])
    x = np.stack([np.linspace(-3, 3, 997), numbers((997,), 30)])
    x[1, :6] = [2, -2, 1e-9, -1e-9, 0.0, -0.0]
    cases["tanh4"] = ("Tanh4FltNvnmd", {}, [x], [fixed_point.tanh4(x)])
    return cases


def of_tables() -> dict:
    """The same of the look-up: inside, at all boundaries, outside, and what is not a number."""
    cases = {}
    rng = np.random.default_rng(5)
    for name, info in TABLE_INFO.items():
        info = np.array(info, np.float64)
        x = rng.uniform(-3, 20, (12, 15))
        edges = [info[0] + info[2] * k for k in range(int(info[4] - info[3]) + 1)]
        x[1:4].flat[: len(edges)] = edges
        x[0] = [np.nan, -9, 1e9, info[0], info[1], -0.0, 1e-310, np.inf, -np.inf, 1e300, -1, 0, 15, 15.5, 3.05]
        for channels in (2, 9):
            table = numbers((32, 4 * channels), 20)
            y = fixed_point.map_table(x, table, info)
            cases[f"map {name} {channels}"] = ("MapFltNvnmd", {}, [x, table, table, info], [y])
    return cases


def all_cases() -> dict:
    """{name: (op, attributes, inputs, expected)}, float64."""
    cases = {}
    for span in (2, 30, 1000):
        found = of_elements(span) | of_matrices(span)
        # Terms of huge numbers do not fit into the 64 bits of the accumulator: no definition, no test.
        cases |= {f"{name}, 2^{span}": case for name, case in found.items() if "fix" not in name or span < 100}
    return cases | of_fixed_point() | of_tables()
