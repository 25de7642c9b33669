"""LiteRT sessions: sizes, types, placement, and files that are not whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ImageError, ModelError, NonFiniteOutputError
from edge_imgq.export.tflite.lower import lower
from edge_imgq.graph.network import Network
from edge_imgq.graph.read_network import read_network
from edge_imgq.images.layout import from_nchw, to_nchw
from edge_imgq.quantize.qdq.qdq import insert_qdq
from edge_imgq.quantize.ranges.ranges import Range, per_tensor
from edge_imgq.quantize.scales.scales import activations, assign_scales
from edge_imgq.runtime.litert import open_session, open_without_xnnpack, placement
from edge_imgq.runtime.protocol import Session
from edge_imgq.runtime.tflite_file import read_note

SEED = 5
SIZE = (16, 20)
PIXELS = per_tensor(1 / 255, -128)


def doubling_model(body: str = "") -> onnx.ModelProto:
    """Return a network that doubles an RGB image: conv, relu, conv, pixel shuffle."""
    random = np.random.default_rng(SEED)
    text = body or (
        "a = Conv<pads=[1,1,1,1]>(x, w) r = Relu(a) p = Conv<pads=[1,1,1,1]>(r, v) "
        "y = DepthToSpace<blocksize=2>(p)"
    )
    model = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["" : 21]> m (float[1,3,{SIZE[0]},{SIZE[1]}] x) '
        f"=> (float y) {{ {text} }}"
    )
    model.graph.output[0].type.tensor_type.ClearField("shape")
    for name, shape in (("w", (8, 3, 3, 3)), ("v", (12, 8, 3, 3))):
        values = random.uniform(-0.05, 0.12, shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    scales = np.array([1, 1, 2, 2], np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(scales, "s"))
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def quantized_network(model: onnx.ModelProto) -> Network:
    graph = ir.from_proto(model)
    ranges = {value.name: Range(-1.0, 2.0) for value in activations(graph.graph)}
    insert_qdq(graph.graph, assign_scales(graph.graph, ranges, PIXELS))
    return read_network(graph)


def written(network: Network, folder: Path, scale: int = 2) -> Path:
    contract = ImageContract("image-to-image", scale, "rgb")
    note = FileNote("m", "tflite-test", contract, "0.0", resizable=True)
    path = folder / "m.tflite"
    path.write_bytes(lower(network, note))
    return path


def photo(height: int, width: int, channels: int = 3) -> np.ndarray:
    random = np.random.default_rng(SEED)
    return random.integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_a_file_opens_for_tflites_own_kernels_too(int8_file: Path) -> None:
    xnnpack, own = open_session(int8_file), open_without_xnnpack(int8_file)
    assert (xnnpack.identity.delegate, own.identity.delegate) == ("XNNPACK", "")
    off = own.run(photo(*SIZE)).astype(int) - xnnpack.run(photo(*SIZE))
    assert np.abs(off).max() <= 1
    larger = photo(SIZE[0] + 4, SIZE[1] + 6)
    assert own.run(larger).shape == xnnpack.run(larger).shape


@pytest.fixture
def float_file(tmp_path: Path) -> Path:
    return written(read_network(ir.from_proto(doubling_model())), tmp_path)


@pytest.fixture
def int8_file(tmp_path: Path) -> Path:
    return written(quantized_network(doubling_model()), tmp_path)


def reference(pixels: np.ndarray) -> np.ndarray:
    model = doubling_model()
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[2].dim_param = "h"
        value.type.tensor_type.shape.dim[3].dim_param = "w"
    del model.graph.value_info[:]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return from_nchw(session.run(None, {"x": to_nchw(pixels, 1.0)})[0], 1.0)


def test_a_float_file_returns_the_pixels_of_onnx_runtime(float_file: Path) -> None:
    session: Session = open_session(float_file)
    pixels = photo(*SIZE)
    np.testing.assert_array_equal(session.run(pixels), reference(pixels))
    assert session.size == SIZE
    assert session.note == read_note(float_file)
    assert (session.identity.name, session.identity.delegate) == ("LiteRT", "XNNPACK")


def test_an_int8_file_takes_and_returns_pixels(int8_file: Path) -> None:
    pixels = photo(*SIZE)
    result = open_session(int8_file).run(pixels)
    assert result.dtype == np.uint8
    error = np.abs(result.astype(int) - reference(pixels).astype(int))
    assert error.mean() < 4


def test_a_file_of_convolutions_runs_at_any_size_and_back(float_file: Path) -> None:
    session = open_session(float_file)
    assert session.resizable
    for height, width in [(8, 33), SIZE, (50, 7)]:
        pixels = photo(height, width)
        np.testing.assert_array_equal(session.run(pixels), reference(pixels))


def test_a_file_that_holds_a_size_says_so_and_keeps_running(tmp_path: Path) -> None:
    body = 'a = Conv<pads=[1,1,1,1]>(x, w) b = Resize<mode="linear">(x, , s) ' \
        "c = Conv<pads=[1,1,1,1]>(a, v) d = DepthToSpace<blocksize=2>(c) y = Add(b, d)"  # fmt: skip
    session = open_session(written(read_network(ir.from_proto(doubling_model(body))), tmp_path))
    assert not session.resizable
    for _ in range(2):
        with pytest.raises(ImageError, match="16x20 only"):
            session.run(photo(30, 30))
    assert session.run(photo(*SIZE)).shape == (32, 40, 3)


def test_a_file_whose_output_does_not_follow_its_input_is_not_resizable(tmp_path: Path) -> None:
    body = 'a = Resize<mode="linear">(x, , s) b = Conv<pads=[1,1,1,1]>(a, w) ' \
        "y = Conv<pads=[1,1,1,1]>(b, v)"  # fmt: skip
    session = open_session(written(read_network(ir.from_proto(doubling_model(body))), tmp_path))
    assert not session.resizable


def test_an_image_with_other_channels_is_refused(float_file: Path) -> None:
    with pytest.raises(ImageError, match="3 channels"):
        open_session(float_file).run(photo(*SIZE, 1))


def test_infinity_in_the_output_is_an_error(tmp_path: Path) -> None:
    body = "a = Div(x, z) p = Conv<pads=[1,1,1,1]>(a, w) q = Conv<pads=[1,1,1,1]>(p, v) " \
        "y = DepthToSpace<blocksize=2>(q)"  # fmt: skip
    model = doubling_model(body.replace("Div(x, z)", "Identity(x)"))
    model.graph.node[0].op_type = "Div"
    model.graph.node[0].input.append("z")
    zero = onnx.numpy_helper.from_array(np.zeros((), np.float32), "z")
    model.graph.initializer.append(zero)
    path = written(read_network(ir.from_proto(model)), tmp_path)
    with pytest.raises(NonFiniteOutputError):
        open_session(path).run(photo(*SIZE))


def test_prepare_returns_a_call_for_the_size_asked_for(float_file: Path) -> None:
    session = open_session(float_file, threads=2)
    session.prepare((24, 24))()
    assert session.identity.threads == 2
    assert session.run(photo(*SIZE)).shape == (32, 40, 3)


def test_placement_counts_what_xnnpack_takes(int8_file: Path) -> None:
    found = placement(int8_file)
    assert (found.operators, found.delegated, found.partitions) == (5, 3, 1)
    assert found.fallback == ("QUANTIZE", "QUANTIZE")


def test_placement_finds_what_cuts_a_file_in_two(tmp_path: Path) -> None:
    body = "a = Conv<pads=[1,1,1,1]>(x, w) h = Pow(a, e) p = Conv<pads=[1,1,1,1]>(h, v) " \
        "y = DepthToSpace<blocksize=2>(p)"  # fmt: skip
    model = doubling_model(body.replace("Pow(a, e)", "Relu(a)"))
    model.graph.node[1].op_type = "Pow"
    model.graph.node[1].input.append("e")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.full((), 2.0, np.float32), "e"))
    found = placement(written(read_network(ir.from_proto(model)), tmp_path))
    assert found.partitions == 2
    assert found.fallback == ("POW",)
    assert found.delegated == found.operators - 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "not a TFLite file"),
        (lambda data: data[: len(data) // 2], "damaged|cannot open"),
        (lambda data: b"\0" * 8 + data[8:], "not a TFLite file"),
        (lambda data: data[:8] + b"\xff" * 64 + data[72:], "damaged|cannot open|does not say"),
    ],
)
def test_a_file_that_is_not_whole_is_named(float_file: Path, damage, reason: str) -> None:
    float_file.write_bytes(damage(float_file.read_bytes()))
    with pytest.raises(ModelError, match=reason):
        open_session(float_file)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no TFLite file at"):
        open_session(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match="cannot be read"):
        placement(tmp_path)


def test_a_file_without_our_note_is_refused(float_file: Path) -> None:
    float_file.write_bytes(float_file.read_bytes().replace(b"edge_imgq.model", b"someoneelses.mo"))
    with pytest.raises(ModelError, match="does not say what its pixels mean"):
        read_note(float_file)


def test_litert_says_nothing_of_its_own_and_others_are_heard(float_file: Path) -> None:
    """In a process of its own: LiteRT's line comes once, whatever was run before in this one."""
    code = (
        "import os, sys, threading\n"
        "from pathlib import Path\n"
        "from edge_imgq.native_output import without_lines\n"
        "from edge_imgq.runtime import litert\n"
        "with without_lines(b'INFO:'):\n"
        "    os.write(2, b'INFO: chatter\\nERROR: heard\\n')\n"
        f"files = [threading.Thread(target=litert.open_session, args=(Path({str(float_file)!r}),))"
        " for _ in range(4)]\n"
        "[file.start() for file in files], [file.join() for file in files]\n"
        "os.write(2, b'after\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "ERROR: heard\nafter\n"
