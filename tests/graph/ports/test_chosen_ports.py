"""An output that is chosen and inputs that become constants compute what the whole model does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.graph.ports.chosen_ports import with_chosen_ports
from edge_imgq.ports import PortRequest, PortRequests, choices_of, read_bound, read_port
from tests.fraction_networks import with_half_mask


def two_of_each(level: tuple[object, ...]) -> onnx.ModelProto:
    """Return a model of an image and a level to their sum and to twice the image."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("image", (1, 3, "h", "w")), ("level", level))
    ]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 3, "h", "w"))
        for name in ("sum", "twice")
    ]
    nodes = [
        helper.make_node("Add", ["image", "level"], ["sum"]),
        helper.make_node("Add", ["image", "image"], ["twice"]),
    ]
    graph = helper.make_graph(nodes, "two", ends, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def run(model: onnx.ModelProto, **feeds: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


@pytest.mark.parametrize(
    ("level", "numbers"),
    [
        ((1, 1, 1, 1), (0.25,)),
        ((), (0.25,)),
        ((3, 1, 1), (0.1, 0.2, 0.3)),
        ((1, 3, 1, 1), (0.1, 0.2, 0.3)),
        ((1, 1, "h", "w"), (0.25,)),
        ((1, 3, "h", "w"), (0.1, 0.2, 0.3)),
        (("n", 1, "h", "w"), (0.25,)),
        (("n", 3, 1, 1), (0.1, 0.2, 0.3)),
        (("n", "c", "h", "w"), (0.1, 0.2, 0.3)),
        (("n",), (0.25,)),
    ],
)
def test_a_bound_input_is_the_constant_that_the_whole_model_is_given(
    level: tuple[object, ...], numbers: tuple[float, ...]
) -> None:
    whole = two_of_each(level)
    before = whole.SerializeToString()
    asked = PortRequests((PortRequest("sum"),), (("level", numbers),))
    chosen = with_chosen_ports(whole, asked, "m")
    onnx.checker.check_model(chosen)
    image = np.random.default_rng(3).random((1, 3, 5, 7), np.float32)
    known = {"h": 5, "w": 7, "n": 1, "c": len(numbers)}
    lengths = [known.get(str(n), n) for n in level]
    column = np.array(numbers, np.float32).reshape(-1, 1, 1)
    given = column if len(lengths) > 2 else np.float32(numbers[0])
    fed = np.broadcast_to(given, lengths).astype(np.float32)
    found = run(chosen, image=image)
    assert list(found) == ["sum"]
    np.testing.assert_array_equal(found["sum"], run(whole, image=image, level=fed)["sum"])
    assert whole.SerializeToString() == before


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (PortRequests((PortRequest("half"),)), "no output 'half'; it has 'sum' and 'twice'"),
        (PortRequests(bound=(("sigma", (1.0,)),)), "no input 'sigma'; it takes 'image' and 'level"),
    ],
)
def test_a_port_that_is_not_there_is_refused_with_those_that_are(
    asked: PortRequests, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        with_chosen_ports(two_of_each(()), asked, "m")


def test_too_many_numbers_are_refused() -> None:
    asked = PortRequests(bound=(("level", (1.0, 2.0)),))
    with pytest.raises(ModelError, match="holds 1x3x1x1 numbers; give one for all of them or as"):
        with_chosen_ports(two_of_each((1, 3, 1, 1)), asked, "m")


def test_an_open_batch_is_one_image_s() -> None:
    whole = two_of_each(("n", 3, 1, 1))
    bound = with_chosen_ports(whole, PortRequests(bound=(("level", (0.5,)),)), "m")
    (constant,) = [tensor for tensor in bound.graph.initializer if tensor.name == "level"]
    assert list(constant.dims) == [1, 3, 1, 1]
    of_batch = two_of_each(("n",))
    of_batch.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    with pytest.raises(ModelError, match="holds 1 numbers; give one"):
        with_chosen_ports(of_batch, PortRequests(bound=(("level", (1.0, 2.0)),)), "m")


def test_what_is_said_of_ports_is_read_and_said_again() -> None:
    asked = PortRequests((read_port("s=vector:-1..1,0..75/255"),), (read_bound("sigma=15/255"),))
    assert asked.outputs == (PortRequest("s", "vector", (-1.0, 0.0), (1.0, 75 / 255)),)
    assert asked.bound == (("sigma", (15 / 255,)),)
    option, output, bind, bound = asked.words
    assert (option, bind) == ("--output-name", "--bind")
    assert (read_port(output), read_bound(bound)) == (asked.outputs[0], asked.bound[0])
    assert output == "s=vector:-1..1,0..0.29411764705882354"
    assert choices_of(asked.words) == ("output: s", "bound: sigma = 0.0588")


@pytest.mark.parametrize("text", ["=vector", "s=wave", "s=", "s=vector:3", "s=vector:2..1"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"such as|must be the lower one"):
        read_port(text)


@pytest.mark.parametrize("size", [(32, 48), (16, 20)])
def test_a_plane_at_a_half_of_the_sides_is_bound_at_them(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    whole = onnx.load(with_half_mask(tmp_path / "m.onnx"))
    bound = with_chosen_ports(whole, PortRequests(bound=(("mask", (0.25,)),)), "m")
    assert [value.name for value in bound.graph.input] == ["image"]
    image = np.random.default_rng(3).random((1, 3, *size), np.float32)
    mask = np.full((1, 1, size[0] // 2, size[1] // 2), 0.25, np.float32)
    wanted, found = run(whole, image=image, mask=mask), run(bound, image=image)
    assert len(found) == len(wanted) == 1
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)
