"""The digest of a graph without its weights."""

from __future__ import annotations

import onnx_ir as ir
from onnx import helper

from edge_imgq.graph.structure import structure_sha256
from tests.small_models import tiny_model


def digest(model) -> str:
    return structure_sha256(ir.from_proto(model))


def test_other_weights_of_one_graph_share_it() -> None:
    assert digest(tiny_model(1.0)) == digest(tiny_model(2.0))


def test_another_attribute_shape_or_node_is_another_graph() -> None:
    known = digest(tiny_model())
    wider, padded, longer = tiny_model(), tiny_model(), tiny_model()
    wider.graph.initializer[1].dims[0] = 4
    padded.graph.node[0].attribute[1].ints[0] = 2
    longer.graph.node.append(helper.make_node("Relu", ["out"], ["more"]))
    assert known not in {digest(wider), digest(padded), digest(longer)}
