"""The arithmetic of the quantised networks in NumPy integers: slow, obvious, the truth for the graph and the hardware.

All functions take and return float64 arrays whose bit patterns matter. Numbers below 2**-1022 count as zero, as they do
in TensorFlow's kernels; what is not finite is outside of the definition.
"""

from nvnmd.fixed_point.fixed import matmul_fitnet, quantize, tanh4, tanh4_gradient
from nvnmd.fixed_point.floats import add, dotmul, flt, matmul_flt, matmul_flt2fix, mul
from nvnmd.fixed_point.table import map_table

__all__ = [
    "add",
    "dotmul",
    "flt",
    "map_table",
    "matmul_fitnet",
    "matmul_flt",
    "matmul_flt2fix",
    "mul",
    "quantize",
    "tanh4",
    "tanh4_gradient",
]
