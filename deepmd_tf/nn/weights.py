"""Where a graph takes its weights from: variables while training, constants in a frozen model.

A builder asks for a weight by its name in the model file; which of the two it gets is decided by the
store in its :class:`~deepmd_tf.nn.context.BuildContext`. So the same code builds the training graph, the
frozen graph and every other graph of a model, and no graph is ever converted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from deepmd_tf.errors import CheckpointError
from deepmd_tf.tf1 import tf


class WeightStore:
    """Hands out weights by name and keeps what it handed out.

    Parameters
    ----------
    values : mapping of str to ndarray
        Values known beforehand (statistics, a checkpoint, a frozen model). They win over the initial
        value that a builder proposes.
    draws : bool
        Whether a weight without a known value takes its initial one; otherwise it is an error, because
        a model that is read from somewhere must not be completed with random numbers.
    """

    def __init__(self, values: Mapping[str, np.ndarray] | None = None, draws: bool = True):
        self.values: dict[str, np.ndarray] = dict(values or {})
        self.draws = draws
        self.tensors: dict[str, tf.Tensor] = {}

    def get(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: str,
        initial: Callable[[], np.ndarray] | None,
        trainable: bool = True,
    ):
        """Return the weight ``name`` as a tensor of ``shape`` and ``dtype``.

        The same name returns the same tensor, which is how layers are shared.

        Raises
        ------
        CheckpointError
            The value known for ``name`` has another shape, or none is known and ``initial`` is None.
        """
        if name not in self.tensors:
            self.tensors[name] = self._make(name, self._value(name, tuple(shape), initial), dtype, trainable)
        tensor = self.tensors[name]
        if tuple(tensor.shape.as_list()) != tuple(shape):
            raise CheckpointError(f"weight {name}: expected shape {tuple(shape)}, shared with shape {tensor.shape}")
        return tensor

    def _value(self, name, shape, initial) -> np.ndarray:
        if name not in self.values:
            if initial is None or not self.draws:
                raise CheckpointError(f"weight {name} of shape {shape} is needed and not in the model")
            self.values[name] = initial()
        value = np.asarray(self.values[name])
        if value.shape != shape:
            raise CheckpointError(
                f"weight {name}: expected shape {shape}, found {value.shape}",
                "The model that it comes from was made with other sizes (sel, neuron, type_map)",
            )
        return value

    def _make(self, name: str, value: np.ndarray, dtype: str, trainable: bool):
        raise TypeError("use TrainableWeights or FrozenWeights")


class TrainableWeights(WeightStore):
    """Weights as variables. Their values are not part of the graph: whoever opens a session brings them in.

    Weights of half precision are kept in float32 and rounded at each use: small updates would be lost
    in them, and the optimizer's epsilon is zero in float16.
    """

    def _make(self, name, value, dtype, trainable):
        kept = "float32" if dtype in ("float16", "bfloat16") else dtype
        # Reference variables: the optimizer updates them in place, a resource may be copied first.
        variable = tf.get_variable(
            name, value.shape, tf.as_dtype(kept), tf.zeros_initializer(), trainable=trainable, use_resource=False
        )
        return variable if kept == dtype else tf.cast(variable, dtype)


class FrozenWeights(WeightStore):
    """Weights as constants under the names of the model file, followed by ``NAME/read``; all have to be known."""

    def __init__(self, values: Mapping[str, np.ndarray]):
        super().__init__(values, draws=False)

    def _make(self, name, value, dtype, trainable):
        with tf.name_scope(None):
            constant = tf.constant(value, dtype=tf.as_dtype(dtype), name=name)
            # Readers of frozen files expect the pair that freezing a variable used to leave behind.
            return tf.identity(constant, name=f"{name}/read")
