"""The descriptor of a model file as a class has the numbers of the graph, also in the dialect of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.descriptor import DescrptDPA1
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.export.freeze import file_attributes, inference_graph
from deepmd_tf.infer.dictionary import descriptor_of, for_reference
from deepmd_tf.infer.frozen import FrozenModel
from tests.descriptor.test_se_atten import VARIANTS, section
from tests.suites.physics import CUBIC, crystal
from tests.support.graphs import ModelUnderTest

NAMES = ["concat", "strip", "strip, one side", "smooth, protection, mean, excluded", "scaling factor", "time steps",
         "reference, strip", "reference, smooth", "v2", "bias of types"]  # fmt: skip


def frozen(name: str) -> tuple[ModelUnderTest, FrozenModel]:
    """A model, and its file as it would stand on disk."""
    graph = ModelUnderTest(section(VARIANTS[name]))
    attributes = file_attributes({"model": graph.section}, None)
    return graph, FrozenModel("model.pb", inference_graph(graph.model, graph.weights, graph.dtype, attributes))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_the_graph(name):
    graph, file = frozen(name)
    coord, atype = crystal(CUBIC)
    order = np.argsort(atype, kind="stable")
    expected = graph.session.run("o_descriptor:0", graph.feeds(coord, atype, CUBIC))[0]
    descriptor = descriptor_of(file)
    found = descriptor.evaluate(coord[order], CUBIC, atype[order])[0][0]
    np.testing.assert_allclose(found[:, : expected.shape[1]], expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert found.shape[1] == expected.shape[1] + descriptor.tebd_dim


@pytest.mark.parametrize("name", ["concat", "strip", "strip, one side", "scaling factor", "time steps"])
def test_the_reference_has_the_same_numbers(name):
    _, file = frozen(name)
    coord, atype = crystal(CUBIC)
    descriptor = descriptor_of(file)
    other = for_reference(descriptor)
    assert other.dialect == "reference" and not {"dialect", "first_atom_pads"} & set(other.serialize())
    data = descriptor.serialize()
    del data["dialect"]  # as deepmd-kit's converter does: no temperature, which is another factor there
    naive = DescrptDPA1.deserialize(data)
    width = descriptor.dim_out - descriptor.tebd_dim
    d, told, untold = (one.evaluate(coord, CUBIC, atype)[0][..., :width] for one in (descriptor, other, naive))
    # What is left: cutoffs in single and in double precision.
    assert np.abs(told - d).max() < 2e-6 * np.abs(d).max()
    assert np.abs(untold - d).max() > 2e-5 * np.abs(d).max()


@pytest.mark.parametrize(
    ("name", "message"), [("smooth", "different functions"), ("mean", "not zero: the reference gives empty slots")]
)
def test_what_the_reference_cannot_tell_is_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        for_reference(descriptor_of(frozen(name)[1]))


def test_other_files_are_refused():
    _, file = frozen("concat")
    file.compressed = True
    with pytest.raises(ModelFormatError, match="not compressed"):
        descriptor_of(file)
    with pytest.raises(ConfigError, match="attn_mask"):
        descriptor_of(frozen("masked diagonal")[1])
