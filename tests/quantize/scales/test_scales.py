"""What a network clips to the range of pixels midway is an image, and is stored as one."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edge_imgq.quantize.ranges.ranges import Range
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from edge_imgq.quantize.scales.scales import assign_scales
from tests.export.tflite.witness import (
    NOTE,
    Case,
    from_file,
    kinds,
    lower,
    network_of,
    quantized,
    ranges_of,
    run_litert,
    run_onnx,
    to_file,
)

IMAGE = image_quantization(1 / 255)
CONSTANTS = {
    "zero": np.float32(0),
    "one": np.float32(1),
    "steep": np.float32(3),
    "dark": np.float32(0.2),
}
CURVE = """
    c = Mul(x, steep)
    t = Tanh(c)
    r = Sub(one, x)
    p = Mul(x, r)
    q = Mul(t, p)
    s = Add(x, q)
    e = Clip(s, zero, one)
    r2 = Sub(one, e)
    p2 = Mul(e, r2)
    q2 = Mul(t, p2)
    s2 = Add(e, q2)
    y = Clip(s2, zero, one)
"""
"""Two steps of a tone curve, as networks for dark photographs learn them (Zero-DCE)."""


def pixels() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    levels = np.random.default_rng(0).integers(0, 256, (1, 3, 16, 16))
    levels[0, :, 0, :2] = 0, 255
    return levels.astype(np.float32) / 255


def test_no_operator_is_left_of_a_clip_between_two_curves() -> None:
    case = Case(CURVE, (1, 3, 16, 16), CONSTANTS)
    image = pixels()
    graph = quantized(case.model(), image, IMAGE)
    file = lower(network_of(graph), NOTE)
    assert not {"MINIMUM", "MAXIMUM", "RELU"} & set(kinds(file))
    levels = run_litert(file, to_file(np.rint(image * 255).astype(np.uint8)))
    wanted = np.rint(run_onnx(graph, image) * 255)
    assert np.abs(from_file(levels).astype(float) - wanted).max() <= 1
    assert (from_file(levels) == wanted).mean() > 0.99


@pytest.mark.parametrize(
    "body",
    [
        "d = Mul(x, dark) e = Clip(d, zero, one) y = Neg(e)",
        "d = Mul(x, steep) e = Clip(d, zero, one) n = Neg(d) j = Concat<axis = 1>(e, n) y = Neg(j)",
    ],
    ids=["of few levels", "beside another"],
)
def test_what_has_other_levels_keeps_them(body: str) -> None:
    model = Case(body, (1, 3, 16, 16), CONSTANTS).model()
    ranges = ranges_of(model, pixels())
    graph = ir.from_proto(onnx.shape_inference.infer_shapes(model)).graph
    placed = {value.name: found for value, found in assign_scales(graph, ranges, IMAGE).items()}
    assert placed["e"].scale[0] != IMAGE.scale[0]


def scales_of(body: str, ranges: dict[str, Range]) -> dict[str, float]:
    """Return the scales of a network of (1, 3, 16, 16) images, by value name."""
    model = Case(body, (1, 3, 16, 16), {}).model()
    graph = ir.from_proto(onnx.shape_inference.infer_shapes(model)).graph
    found = assign_scales(graph, {"x": Range(0, 1), "y": Range(-1, 1)} | ranges, IMAGE)
    return {value.name or "": float(parameters.scale[0]) for value, parameters in found.items()}


NARROW, WIDE = Range(-0.5, 1.0), Range(-4.0, 4.0)
JOINED = "a = Neg(x) b = Neg(a) j = Concat<axis = 1>(a, b) "


@pytest.mark.parametrize(
    ("wide", "is_kept"), [(4.0, True), (0.8, False)], ids=["far wider", "hardly wider"]
)
def test_a_concatenation_does_not_widen_what_others_read(wide: float, is_kept: bool) -> None:
    both = Range(-wide, wide)
    scale = scales_of(JOINED + "y = Neg(j)", {"a": NARROW, "b": both, "j": NARROW.join(both)})
    assert scale["b"] == scale["j"]
    assert (scale["a"] < 0.2 * scale["j"]) == is_kept
    assert (scale["a"] == scale["j"]) != is_kept


def test_what_a_split_makes_for_other_readers_is_not_widened_either() -> None:
    body = (
        "m = Neg(x) a, c = Split<axis = 1, num_outputs = 2>(m) b = Neg(c) "
        "j = Concat<axis = 1>(a, b) y = Neg(j)"
    )
    scale = scales_of(body, {"m": NARROW, "a": NARROW, "c": NARROW, "b": WIDE, "j": WIDE})
    assert scale["m"] == scale["a"] == scale["c"] < 0.2 * scale["j"]
    assert scale["b"] == scale["j"]


def test_what_only_a_concatenation_reads_has_its_scale() -> None:
    body = "a = Neg(x) b = Exp(x) j = Concat<axis = 1>(a, b) y = Neg(j)"
    scale = scales_of(body, {"a": NARROW, "b": WIDE, "j": WIDE})
    assert scale["a"] == scale["b"] == scale["j"]
