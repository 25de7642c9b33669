"""The range of the pixels that a network takes."""

from __future__ import annotations

import onnx
import pytest

from edge_imgq.contract import PixelRange
from edge_imgq.errors import UsageError
from edge_imgq.graph.load.uint8_io import pixel_range_of, without_bytes
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.pipeline.open_model.source import open_model

BYTES, UNIT = PixelRange(0.0, 255.0), PixelRange(0.0, 1.0)


def network(image: str, mask: str) -> onnx.ModelProto:
    """Return a network of an image and a mask of these types."""
    found: onnx.ModelProto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> '
        f"own ({image}[1,3,h,w] x, {mask}[1,1,h,w] mask) => (float[1,3,h,w] y) "
        "{ a = Cast <to = 1> (x) b = Cast <to = 1> (mask) y = Mul(a, b) }"
    )
    return found


def test_a_uint8_image_has_one_range_and_another_is_refused() -> None:
    taken = network("uint8", "float")
    assert pixel_range_of(taken, "x", None, "m") == BYTES
    assert pixel_range_of(taken, "x", BYTES, "m") == BYTES
    with pytest.raises(UsageError, match="m takes 8-bit pixels, which are 0 to 255"):
        pixel_range_of(taken, "x", UNIT, "m")


def test_a_uint8_mask_says_nothing_of_a_float_image() -> None:
    taken = network("float", "uint8")
    assert pixel_range_of(taken, "x", None, "m") == UNIT
    assert pixel_range_of(taken, "x", PixelRange(-1.0, 1.0), "m") == PixelRange(-1.0, 1.0)


def test_a_uint8_mask_takes_bytes_where_nothing_is_stated() -> None:
    """Opening compares with the given network in ONNX Runtime, which takes integers alone."""
    source = open_model(OnnxModel.in_memory(network("float", "uint8"), "m"))
    (mask,) = source.contract.further
    assert (mask.kind, mask.low, mask.high) == ("mask", (0.0,), (255.0,))
    assert source.original is not None


LIMITED = {
    "a Clip": "r = Round(m) k = Clip(r, low, high)",
    "Min and Max": "r = Round(m) l = Min(r, high) k = Max(l, low)",
    "Max and Min, transposed": (
        "t = Transpose<perm=[0,1,2,3]>(m) l = Max(low, t) r = Floor(l) k = Min(high, r)"
    ),
}


@pytest.mark.parametrize("name", LIMITED)
def test_bytes_come_out_as_the_numbers_before_they_were_rounded(name: str) -> None:
    """As torch writes uint8(clamp(round(x * 255))), and tf2onnx."""
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> own (uint8[1,3,4,6] x) => (uint8[1,3,4,6] y) '
        "<float low = {0}, float high = {255}> "
        f"{{ a = Cast <to = 1> (x) m = Mul(a, high) {LIMITED[name]} y = Cast <to = 2> (k) }}"
    )
    kinds = [node.op_type for node in without_bytes(model).graph.node]
    assert not {"Round", "Floor"} & set(kinds)
    assert kinds[-1] == "Identity"
    assert {"Clip", "Min", "Max"} & set(kinds)


def test_the_darker_of_two_images_is_kept_as_it_is() -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> own (uint8[1,3,4,6] x) => (uint8[1,3,4,6] y) '
        "{ a = Cast <to = 1> (x) r = Round(a) k = Min(r, a) y = Cast <to = 2> (k) }"
    )
    assert [node.op_type for node in without_bytes(model).graph.node][-3:] == [
        "Round", "Min", "Identity",
    ]  # fmt: skip


def test_a_constant_of_bytes_beside_the_image_stays() -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> own (uint8[1,3,4,6] x) '
        "=> (uint8[1,3,4,6] y, uint8[1] v) <float[1] version = {3}> "
        "{ a = Cast <to = 1> (x) r = Round(a) y = Cast <to = 2> (r) v = Cast <to = 2> (version) }"
    )
    assert without_bytes(model).graph.node[-1].op_type == "Identity"
