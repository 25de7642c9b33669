"""Models whose form follows from a size: attention that flattens its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_imgq.artifact import sha256_of
from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.graph.shapes.size import own_size
from edge_imgq.images.files import write_image
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.pipeline.open_model.original_file import keep_model
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.pipeline.sensitivity.sensitivity import SensitivityRequest, sensitivity
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.folders import quantize_recipe
from tests.graph.build import run

SIZE = (16, 24)
CHANNELS = 8


def open_network(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, np.ndarray], path: Path
) -> Path:
    """Write a network from an RGB image of open height and width to another."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 3, "height", "width"))
        for name in ("image", "out")
    ]
    initializers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, path.stem, ends[:1], ends[1:], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def attention(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attention over channels, its pixels flattened to a shape that the graph computes."""
    generator = np.random.default_rng(8)
    weights = {
        name: generator.normal(0, 0.3, shape).astype(np.float32)
        for name, shape in (("w", (CHANNELS, 3, 3, 3)), ("v", (3, CHANNELS, 3, 3)))
    }
    constants = {**weights, "one": np.array([1], np.int64), "flat": np.array([CHANNELS, -1])}
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Shape", ["c"], ["shape"]),
        helper.make_node("Concat", ["one", "flat"], ["rows"], axis=0),
        helper.make_node("Reshape", ["c", "rows"], ["q"]),
        helper.make_node("Transpose", ["q"], ["k"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "k"], ["m"]),
        helper.make_node("Softmax", ["m"], ["s"], axis=-1),
        helper.make_node("MatMul", ["s", "q"], ["a"]),
        helper.make_node("Reshape", ["a", "shape"], ["b"]),
        helper.make_node("Conv", ["b", "v"], ["d"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["d", "image"], ["out"]),
    ]
    return open_network(nodes, constants, tmp_path_factory.mktemp("attention") / "attention.onnx")


def test_attention_of_any_size_is_bound_to_the_one_that_is_asked_for(attention: Path) -> None:
    source = open_model(str(attention), None, [SIZE])
    assert own_size(source.model) == SIZE
    image = np.random.default_rng(2).random((1, 3, *SIZE), np.float32)
    session = onnxruntime.InferenceSession(attention)
    np.testing.assert_allclose(
        run(source.model, image), session.run(None, {"image": image})[0], atol=1e-5
    )


def test_a_network_that_reshapes_to_one_image_is_calibrated_on_many(attention: Path) -> None:
    source = open_model(str(attention), None, [SIZE])
    generator = np.random.default_rng(3)
    images = [generator.integers(0, 256, (*SIZE, 3), np.uint8) for _ in range(14)]
    contract = ImageContract("image-to-image", 1, "rgb")
    model = quantize(source.model, quantize_recipe("int8"), contract, images)
    image = (images[0].astype(np.float32) / 255).transpose(2, 0, 1)[np.newaxis]
    error = run(model, image, exact=True) - run(source.model, image).clip(0, 1)
    assert np.sqrt(np.mean(error**2)) < 0.02


def test_layers_of_a_model_that_follows_from_a_size_are_measured_at_one(
    attention: Path, tmp_path: Path
) -> None:
    generator = np.random.default_rng(9)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = generator.integers(0, 256, (40, 48, 3), np.uint8)
        write_image(tmp_path / "photos" / f"{number}.png", pixels)
    request = SensitivityRequest(
        model=str(attention),
        scheme="int8-fast",
        output=tmp_path / "out",
        calibration=tmp_path / "photos",
        pixels=None,
        size=SIZE,
    )
    found = sensitivity(request, lambda step: None)
    assert [layer.kind for layer in found.layers if layer.precision] == ["Conv", "Conv"]
    assert all(layer.time > 0 for layer in found.layers if layer.precision)


def test_a_size_that_is_no_multiple_is_named_where_the_form_follows_from_the_size(
    tmp_path: Path,
) -> None:
    """Blocks of 4 x 4 pixels that are flattened: 62 rows are no whole number of them."""
    weight = np.random.default_rng(9).normal(0, 0.1, (48, 3, 4, 4)).astype(np.float32)
    constants = {"w": weight, "one": np.array([1], np.int64), "flat": np.array([48, -1])}
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], strides=[4, 4]),
        helper.make_node("Shape", ["c"], ["shape"]),
        helper.make_node("Concat", ["one", "flat"], ["rows"], axis=0),
        helper.make_node("Reshape", ["c", "rows"], ["q"]),
        helper.make_node("Softmax", ["q"], ["s"], axis=1),
        helper.make_node("Reshape", ["s", "shape"], ["b"]),
        helper.make_node("DepthToSpace", ["b"], ["d"], blocksize=4),
        helper.make_node("Add", ["d", "image"], ["out"]),
    ]
    open_network(nodes, constants, tmp_path / "blocks.onnx")
    said = r"blocks takes sides that are multiples of 4; 62x96 is not\. Say --size 64x96\."
    with pytest.raises(ModelError, match=said):
        open_model(str(tmp_path / "blocks.onnx"), sizes=((62, 96),))
    assert open_model(str(tmp_path / "blocks.onnx"), sizes=((64, 96),)).contract.multiple == 4


def test_a_model_in_memory_is_read_as_its_file_is(attention: Path) -> None:
    proto = onnx.load(attention)
    of_file = open_model(str(attention), None, [SIZE])
    for given in (proto, proto.SerializeToString()):
        source = open_model(OnnxModel.in_memory(given, "attention"), None, [SIZE])
        assert ir.to_proto(source.model) == ir.to_proto(of_file.model)
        assert source.contract == of_file.contract
        assert source.original is not None
        assert of_file.original is not None
        assert source.original.agreement == of_file.original.agreement
        assert (source.given, of_file.given) == ("", str(attention))


def test_a_model_in_memory_is_kept_beside_the_references(attention: Path, tmp_path: Path) -> None:
    given = OnnxModel.in_memory(onnx.load(attention), "attention")
    digest = keep_model(given, tmp_path / "kept.onnx")
    assert digest == sha256_of(tmp_path / "kept.onnx")
    assert onnx.load(tmp_path / "kept.onnx") == onnx.load(attention)


def test_bytes_that_are_no_whole_model_are_refused(attention: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'cut' is not a whole, valid ONNX model"):
        open_model(OnnxModel.in_memory(attention.read_bytes()[:-200], "cut"))
    onnx.save(
        onnx.load(attention), tmp_path / "a.onnx", save_as_external_data=True, size_threshold=0
    )
    model = onnx.load(tmp_path / "a.onnx", load_external_data=False)
    with pytest.raises(ModelError, match="'a' has its weights in files beside it; give the path"):
        open_model(OnnxModel.in_memory(model, "a"))


def test_open_lengths_written_as_minus_one_are_compared_with_the_given_file(tmp_path: Path) -> None:
    path = open_network([helper.make_node("Sigmoid", ["image"], ["out"])], {}, tmp_path / "m.onnx")
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        for axis in (0, 2, 3):
            value.type.tensor_type.shape.dim[axis].dim_value = -1
    onnx.save(model, path)
    source = open_model(path)
    assert source.original is not None
    assert own_size(source.model) is None
