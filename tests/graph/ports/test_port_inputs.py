"""Inputs in one form compute what the network computes of its own."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edge_imgq.errors import ModelError
from edge_imgq.graph.ports.port_inputs import (
    further_ports,
    shape_vectors,
    take_image_first,
    take_ports,
)
from edge_imgq.ports import NO_PORT_REQUESTS, PortRequests, read_port
from tests.graph import build

IMAGE = np.random.default_rng(9).random((1, 3, 6, 5), np.float32)


def opened(shape: tuple[int, ...], nodes: list[tuple[str, list[str], str]]) -> ir.Model:
    """Return a model of 'image' and 'knob' of a shape."""
    constants = {"half": np.float32(0.5), "w": np.ones((3, 2), np.float32)}
    made = [helper.make_node(kind, inputs, [output]) for kind, inputs, output in nodes]
    proto = build.proto_model(made, constants)
    knob = helper.make_tensor_value_info("knob", TensorProto.FLOAT, shape)
    proto.graph.input.insert(0, knob)
    found: ir.Model = ir.from_proto(proto)
    return found


CASES = {
    "a number": ((), [("Mul", ["image", "knob"], "out")]),
    "half a number": ((), [("Mul", ["knob", "half"], "k"), ("Add", ["image", "k"], "out")]),
    "one of an axis": ((1,), [("Mul", ["image", "knob"], "out")]),
    "a row": (
        (1, 2),
        [
            ("MatMul", ["knob", "v"], "k"),
            ("Unsqueeze", ["k", "axes"], "u"),
            ("Mul", ["image", "u"], "out"),
        ],
    ),
    "channels": ((1, 3, 1, 1), [("Mul", ["image", "knob"], "out")]),
}


@pytest.mark.parametrize("name", CASES)
def test_numbers_become_one_pixel_from_0_to_the_peak(name: str) -> None:
    shape, nodes = CASES[name]
    model = opened(shape, nodes)
    for key, array in (("v", np.ones((2, 3), np.float32)), ("axes", np.array([2, 3]))):
        value = ir.Value(name=key, const_value=ir.tensor(array, name=key))
        value.shape, value.type = ir.Shape(array.shape), ir.TensorType(ir.tensor(array).dtype)
        model.graph.register_initializer(value)
        for node in model.graph:
            for place, read in enumerate(node.inputs):
                if read is not None and read.name == key and read is not value:
                    node.replace_input_with(place, value)
    numbers = np.linspace(2, 3, max(int(np.prod(shape)), 1)).astype(np.float32).reshape(shape)
    feeds = {"image": IMAGE, "knob": numbers}
    (wanted,) = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString()).run(
        None, feeds
    )
    take_image_first(model, NO_PORT_REQUESTS, "m")
    shape_vectors(model)
    (port,) = further_ports(model, NO_PORT_REQUESTS, (0.0, 1.0), 3)
    assert (port.kind, port.channels) == ("vector", numbers.size)
    ported = [type(port)(port.name, port.kind, port.channels, (1.0,), (5.0,))]
    take_ports(model, tuple(ported), 255.0)
    names = [value.name for value in model.graph.inputs]
    assert names == ["image", "knob"]
    levels = (numbers.reshape(1, -1, 1, 1) - 1) / 4 * 255
    (found,) = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString()).run(
        None, {"image": IMAGE, "knob": levels}
    )
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(
    "said", [("image=image",), ("sigma=plane",), ("image=image", "sigma=mask")]
)
def test_what_is_said_of_one_input_does_not_make_the_other_the_photograph(
    said: tuple[str, ...],
) -> None:
    model = opened((1, 1, 6, 5), [("Mul", ["image", "knob"], "out")])
    next(value for value in model.graph.inputs if value.name == "knob").name = "sigma"
    asked = PortRequests(inputs=tuple(read_port(text) for text in said))
    take_image_first(model, asked, "m")
    assert model.graph.inputs[0].name == "image"


def test_of_two_alike_the_one_that_nobody_speaks_of_is_the_photograph() -> None:
    model = opened((1, 3, 6, 5), [("Mul", ["image", "knob"], "out")])
    for said, first in (("knob=image", "image"), ("image=image", "knob")):
        take_image_first(model, PortRequests(inputs=(read_port(said),)), "m")
        assert model.graph.inputs[0].name == first


@pytest.mark.parametrize("image", [1, 3, 4, 6, 9, 15])
@pytest.mark.parametrize("other", ["sigma", "noise_map", "mask"])
@pytest.mark.parametrize("first", [True, False])
def test_a_map_of_one_channel_is_never_the_photograph(image: int, other: str, first: bool) -> None:
    """FastDVDnet takes five frames, `x` of 15 channels, and `noise_map` of 1."""
    model = taking([(other, 1), ("x", image)] if first else [("x", image), (other, 1)])
    take_image_first(model, NO_PORT_REQUESTS, "m")
    assert [value.name for value in model.graph.inputs] == ["x", other]


@pytest.mark.parametrize(
    ("image", "other"),
    [
        (("frames", 15), ("y", 1)),
        (("packed", 4), ("y", 1)),
        (("masked_image", 3), ("mask", 1)),
        (("masked", 1), ("edges_mask", 3)),
    ],
)
def test_the_likelier_image_is_first(image: tuple[str, int], other: tuple[str, int]) -> None:
    model = taking([other, image])
    take_image_first(model, NO_PORT_REQUESTS, "m")
    assert [value.name for value in model.graph.inputs] == [image[0], other[0]]


def test_an_input_of_open_channels_is_refused_by_name() -> None:
    model = taking([("x", 3), ("guide", "c")])
    with pytest.raises(ModelError, match="The channels of 'guide' are open"):
        further_ports(model, NO_PORT_REQUESTS, (0.0, 1.0), 3)


def taking(inputs: list[tuple[str, int | str]]) -> ir.Model:
    """Return a model of inputs (1, C, h, w) by name and channels."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, channels, "h", "w"))
        for name, channels in inputs
    ]
    joined = helper.make_node("Concat", [name for name, _ in inputs], ["out"], axis=1)
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, "n", "h", "w"))
    proto = helper.make_model(helper.make_graph([joined], "g", ends, [out]))
    found: ir.Model = ir.from_proto(proto)
    return found
