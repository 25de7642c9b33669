"""Nodes inserted before one that is decomposed."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.graph.passes.insert_before import NodeInserter
from tests.graph.build import parsed


def inserter(model: ir.Model) -> NodeInserter:
    node = model.graph[-1]
    node.name = "step"
    return NodeInserter(model.graph, node)


def test_a_node_is_inserted_before_the_other_and_named_after_it() -> None:
    model = parsed("half = Relu(image) out = Sigmoid(half)", {})
    new = inserter(model)
    assert new.source is new.node.inputs[0]
    two = new.constant("two", np.float32(2))
    doubled = new.insert("Mul", new.source, two, like=new.source)
    assert [node.op_type for node in model.graph] == ["Relu", "Mul", "Sigmoid"]
    assert (two.name, edit.producer(doubled).name) == ("step.two", "step.mul")
    assert edit.contents(two) == 2
    assert doubled.shape == new.source.shape
    assert not is_marked(edit.producer(doubled))


def test_arithmetic_may_be_marked_as_float_and_a_shape_left_open() -> None:
    model = parsed("half = Relu(image) out = Sigmoid(half)", {})
    new = inserter(model)
    mean = new.in_float("GlobalAveragePool", new.source, like=None)
    assert mean.shape is None
    assert is_marked(edit.producer(mean))
    power = new.insert("LeakyRelu", mean, like=mean, alpha=0.5)
    assert edit.producer(power).attributes.get_float("alpha") == 0.5
