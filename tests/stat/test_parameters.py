"""Mean and scale of frame and atomic parameters against NumPy over all samples."""

from __future__ import annotations

import numpy as np

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.stat.parameters import parameter_statistics
from tests.support.mixed import write_mixed

TYPES = np.array([[0, 1, 1, -1], [1, -1, 0, -1], [1, 1, 1, 1]])


def test_virtual_atoms_have_no_parameters(tmp_path):
    rng = np.random.default_rng(0)
    aparam, fparam = rng.random((3, 4, 2)), rng.random((3, 4))  # as many frame parameters as atoms
    aparam[TYPES < 0] = 1e6
    arrays = {"aparam": aparam.reshape(3, 8), "fparam": fparam}
    wanted = [DataRequirement("aparam", 2, atomic=True), DataRequirement("fparam", 4)]
    data = DataSet.open(write_mixed(tmp_path / "typed", TYPES.tolist(), arrays=arrays), batch_size=3,
                        requirements=wanted)  # fmt: skip
    for key, width, rows in (("aparam", 2, aparam[TYPES >= 0]), ("fparam", 4, fparam)):
        mean, inverse = parameter_statistics(data.sample(1), key, width)
        np.testing.assert_allclose(mean, rows.mean(axis=0))
        np.testing.assert_allclose(inverse, 1 / rows.std(axis=0))
