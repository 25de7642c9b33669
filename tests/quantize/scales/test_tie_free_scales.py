"""Scales under which no sum, product or mean lies halfway: checked on every pair of levels."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edge_imgq.graph.network import Quantization
from edge_imgq.quantize.ranges.ranges import Range, asymmetric, covering, per_tensor
from edge_imgq.quantize.scales.scales import activations, assign_scales
from edge_imgq.quantize.scales.tie_free_multiplier import MAX_DENOMINATOR

IMAGE = per_tensor(1 / 255, -128)
SEED = 5
NEAREST = Fraction(1, 2 * MAX_DENOMINATOR + 2)
"""No accumulator comes nearer to a half than this."""

BODIES = {
    "gate": "a = Sigmoid(x) b = Neg(x) t = Mul(a, b) y = Identity(t)",
    "square": "b = Neg(x) t = Mul(b, b) s = Neg(t) y = Neg(s)",
    "scaled": "b = Neg(x) t = Mul(b, c) s = Neg(t) y = Neg(s)",
    "sum of two that are read elsewhere": (
        "a = Sigmoid(x) b = Neg(x) t = Add(a, b) s = Mul(a, b) m = Mul(s, t) y = Neg(m)"
    ),
    "mean": "b = Neg(x) t = GlobalAveragePool(b) s = Neg(t) m = Mul(b, s) y = Neg(m)",
    "clipped": "b = Neg(x) t = Relu(b) s = Neg(t) y = Neg(s)",
    "fixed beside another": (
        "a = Sigmoid(x) b = Neg(x) t = Concat<axis=2>(a, b) s = Neg(t) y = Neg(s)"
    ),
}


def graph_of(body: str) -> ir.Graph:
    """Return a graph of constants c and e from x (1, 2, 6, 5) to y."""
    text = (
        '<ir_version: 10, opset_import: ["" : 21]>\n'
        f"case (float[1,2,6,5] x) => (float y) {{ {body} }}"
    )
    model = onnx.parser.parse_model(text)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    for name, number in (("c", 0.37), ("e", 1e-9)):
        array = np.array(number, np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return ir.from_proto(onnx.shape_inference.infer_shapes(model)).graph


def placed(body: str) -> dict[str, Quantization]:
    """Return the scales of a network whose ranges are random, by value name."""
    graph = graph_of(body)
    generator = np.random.default_rng(SEED)
    ranges = {
        value.name or "": Range(-float(low), float(high))
        for value, low, high in zip(
            activations(graph),
            generator.uniform(0.5, 2, len(activations(graph))),
            generator.uniform(0.5, 2, len(activations(graph))),
            strict=True,
        )
    }
    found = assign_scales(graph, ranges, IMAGE)
    return {value.name or "": parameters for value, parameters in found.items()}


def fraction(multiplier: float) -> Fraction:
    """Return the fraction that a multiplier stands for; float32 holds it to seven digits."""
    near = Fraction(multiplier).limit_denominator(MAX_DENOMINATOR)
    assert float(near) == pytest.approx(multiplier, rel=1e-6)
    return near


CONSTANT = float(covering(np.array(0.37, np.float32)).scale[0])
MULTIPLIERS: dict[str, Callable[[dict[str, float]], tuple[float, ...]]] = {
    "gate": lambda scale: (scale["a"] * scale["b"] / scale["t"],),
    "square": lambda scale: (scale["b"] ** 2 / scale["t"],),
    "scaled": lambda scale: (scale["b"] * CONSTANT / scale["t"],),
    "sum of two that are read elsewhere": lambda scale: (
        scale["a"] / scale["t"],
        scale["b"] / scale["t"],
    ),
    "mean": lambda scale: (scale["b"] / (30 * scale["t"]),),
    "clipped": lambda scale: (scale["b"] / scale["t"],),
    "fixed beside another": lambda scale: (scale["a"] / scale["t"],),
}


@pytest.mark.parametrize("name", BODIES)
def test_no_accumulator_lies_halfway_between_two_levels(name: str) -> None:
    scale = {value: float(found.scale[0]) for value, found in placed(BODIES[name]).items()}
    ratios = [fraction(multiplier) for multiplier in MULTIPLIERS[name](scale)]
    denominator = np.lcm.reduce([ratio.denominator for ratio in ratios])
    assert denominator % 2 == 1
    assert denominator <= MAX_DENOMINATOR
    assert Fraction(1, 2 * int(denominator)) >= NEAREST


@pytest.mark.parametrize("name", BODIES)
def test_no_scale_is_widened_by_more_than_some_thousandths(name: str) -> None:
    graph_ranges = placed(BODIES[name])
    plain = placed(BODIES[name].replace("t = Mul(a, b)", "t = Neg(a)"))
    assert graph_ranges["x"] == IMAGE
    for value in set(graph_ranges) & set(plain) & {"a", "b"}:
        ratio = float(graph_ranges[value].scale[0]) / float(plain[value].scale[0])
        assert 1 - 1e-6 <= ratio <= 1.02


@pytest.mark.parametrize("slope", [0.05, 0.1, 0.2])
def test_both_sides_of_a_leaky_rectifier_are_whole_256ths(slope: float) -> None:
    body = f"b = Neg(x) t = LeakyRelu<alpha={slope}>(b) s = Neg(t) y = Neg(s)"
    scale = {value: float(found.scale[0]) for value, found in placed(body).items()}
    assert_whole_256ths(scale["b"] / scale["t"], slope)


@pytest.mark.parametrize("slope", [0.05, 0.1, 0.2])
def test_they_are_where_the_result_is_the_image(slope: float) -> None:
    body = f"b = Neg(x) y = LeakyRelu<alpha={slope}>(b)"
    scale = {value: float(found.scale[0]) for value, found in placed(body).items()}
    assert scale["y"] == np.float32(1 / 255)
    assert_whole_256ths(scale["b"] / scale["y"], slope)


def assert_whole_256ths(ratio: float, slope: float) -> None:
    for factor in (ratio, slope * ratio):
        # A 40th of a step moves the farthest of 128 levels by an 80th of a level.
        assert factor * 256 == pytest.approx(round(factor * 256), abs=1 / 40)


def test_an_addend_of_nearly_nothing_leaves_the_sum_as_wide_as_it_is() -> None:
    scale = placed("b = Neg(x) t = Add(b, e) s = Neg(t) y = Neg(s)")["t"].scale[0]
    assert 1 / 255 < scale < 4.5 / 255


def test_operands_of_a_concatenation_are_widened_before_the_concatenation_is() -> None:
    body = "a = Neg(x) b = Neg(a) t = Concat<axis=1>(a, b) y = Neg(t)"
    narrow, wide = Range(-0.5, 0.5), Range(-1.7, 1.3)
    graph = graph_of(body)
    ranges = {"x": Range(0, 1), "a": narrow, "b": wide, "t": wide, "y": wide}
    found = {value.name: found for value, found in assign_scales(graph, ranges, IMAGE).items()}
    assert found["t"] == found["b"] == asymmetric(wide)
    fraction(float(found["a"].scale[0] / found["t"].scale[0]))
    assert 1 <= found["a"].scale[0] / asymmetric(narrow).scale[0] < 1.01
