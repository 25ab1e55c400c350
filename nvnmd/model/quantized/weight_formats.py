"""In which numbers the weights of the fitting net are held; each format has the same four functions.

``device`` is what stands in the model file: the network that is trained and tested is the one on the chip. ``legacy``
is what deepmd-kit trains with; its model file holds other, coarser numbers.

Rounding is no obstacle to training: gradients pass through it as if it were not there. Source: NVNMD format, fitting
forward, backward; fps / bps; header.
"""

from __future__ import annotations

from deepmd_tf.tf1 import tf
from nvnmd.device_file.layout import WEIGHT_BITS
from nvnmd.ops.arithmetic import matmul_fitnet, quantize

DATA = 23  # fraction bits of the data
WEIGHT = WEIGHT_BITS - 2  # fraction bits of a weight whose exponent is 0
GREATEST_EXPONENT = 7
# Of the energy of a type, in units of 2^-23 eV: what is larger does not fit into 32 bits.
ENERGY_LIMIT, DOUBLINGS = 2.0**31 - 0.5, 24


def rounded(x, grad_bits: int = DATA):
    """x with 23 fraction bits; its gradient with ``grad_bits``."""
    return quantize(x, DATA, isround=True, grad_bits=(grad_bits, -1))


class Legacy:
    """Weights of 19 bits below the largest of their column, biases of 23 fraction bits."""

    def product(self, x, matrix, *, whole: bool):
        """x [n, i] times matrix [i, o]; with ``whole`` all weights have one exponent, else each column."""
        return matmul_fitnet(x, rounded(matrix), normw=0 if whole else 1)

    def bias(self, value):
        """A bias."""
        return rounded(value)

    def type_vectors(self, embedding, matrix):
        """What each type adds to the first layer: embedding [t, 8] times matrix [8, o]."""
        return rounded(tf.matmul(embedding, matrix))

    def energy(self, x, bias, atom_energy, types):
        """Energy of atoms from the last product x [nf, n], the last bias and the energy of an atom by type [t]."""
        return rounded(x + tf.gather(rounded(bias), types)) + tf.gather(atom_energy, types)


class Device:
    """Weights of 18 bits with an exponent of 0 to 7 by column, and by row for the forces; biases of 29 bits."""

    def product(self, x, matrix, *, whole: bool):
        """x [n, i] times matrix [i, o]; with ``whole`` all weights have one exponent, else each column."""
        axes = (0, 1) if whole else (0,), (0, 1) if whole else (1,)
        return _product(x, matrix, *axes)

    def bias(self, value):
        """A bias."""
        return tf.grad_pass_through(lambda x: tf.round(x * 2.0**DATA) * 2.0**-DATA)(value)

    def type_vectors(self, embedding, matrix):
        """What each type adds to the first layer: embedding [t, 8] times matrix [8, o]."""
        return self.bias(tf.matmul(embedding, matrix))

    def energy(self, x, bias, atom_energy, types):
        """Energy of atoms from the last product x [nf, n], the last bias and the energy of an atom by type [t]."""
        return x + tf.gather(tf.grad_pass_through(_as_in_the_header)(atom_energy + bias), types)


FORMATS = {"device": Device(), "legacy": Legacy()}


def device_weights(matrix, axes: tuple[int, ...]):
    """Weights with 16 fraction bits below their exponent, truncated towards zero.

    Those along ``axes`` share an exponent: the least from 0 on that leaves the largest of them below 2 after division.
    """
    largest = tf.reduce_max(tf.abs(matrix), axis=axes, keepdims=True)
    unit = 2.0 ** (_count(largest, [2.0**k for k in range(1, GREATEST_EXPONENT + 1)]) - WEIGHT)
    return tf.sign(matrix) * tf.floor(tf.abs(matrix) / unit) * unit


def _product(x, matrix, forward: tuple[int, ...], backward: tuple[int, ...]):
    """Product with weights that share exponents along other axes forward than backward.

    The op cuts weights at 19 bits below the largest of their column, which leaves these as they are.

    Of first order the gradient is what the device computes for the forces. Of second order, which training alone
    needs, it is that of an exact product: rounded numbers would lose what is left of small errors of the forces.
    """

    @tf.custom_gradient
    def times(x, matrix):
        def gradient(g):
            return times_transposed(g, matrix), tf.matmul(x, g, transpose_a=True)

        return matmul_fitnet(x, device_weights(matrix, forward), normw=1), gradient

    @tf.custom_gradient
    def times_transposed(g, matrix):
        def gradient(h):
            return tf.matmul(h, matrix), tf.matmul(h, g, transpose_a=True)

        return matmul_fitnet(g, tf.transpose(device_weights(matrix, backward)), normw=1), gradient

    return times(x, matrix)


def _as_in_the_header(energies):
    """The energies of all types with as many fraction bits as 32 bits have room for, 23 at most."""
    largest = tf.reduce_max(tf.abs(energies)) * 2.0**DATA
    unit = 2.0 ** (_count(largest, [ENERGY_LIMIT * 2.0**k for k in range(DOUBLINGS)]) - DATA)
    return tf.round(energies / unit) * unit


def _count(x, limits: list[float]):
    """How many of the limits each number has reached."""
    return tf.add_n([tf.cast(x >= limit, x.dtype) for limit in limits])
