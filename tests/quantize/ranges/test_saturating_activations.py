"""Ranges end where the operators behind a value make no difference any more, and only there."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.contract import ImageContract
from edge_imgq.graph.float_regions import mark_float
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.calibration.calibrate import observe_channels
from edge_imgq.quantize.prepare.float_region_gains import insert_edge_factors
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.ranges.ranges import Range
from edge_imgq.quantize.ranges.saturating_activations import limit_to_saturation
from edge_imgq.quantize.scales.scale_constraints import image_quantization
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import parsed, run, weights
from tests.quantize.smooth_photo import photo

PLAIN = QuantizeRecipe("plain", "", "min-max", ("canonical",))
CONTRACT = ImageContract("image-to-image", 1, "rgb")
WIDE = np.float32([[[[8.0]]], [[[-9.0]]], [[[10.0]]]])
"""Factors that take an image to −9 … 10."""

# What is written behind x, the level that its result y is stored in (None: its range over 255), and
# the ends that are known: tanh is 1 to half a level at atanh(1 - 1.5 / 128), as 127/128 is its
# highest number; and so on.
TAILS = {
    "tanh": ("y = Tanh(x)", 1 / 128, (-np.arctanh(1 - 0.5 / 128), np.arctanh(1 - 1.5 / 128))),
    "sigmoid": ("y = Sigmoid(x)", 1 / 256, (-np.log(511), np.log(256 / 1.5 - 1))),
    "relu6": ("s = DepthToSpace<blocksize = 1>(x) y = Clip(s, zero, six)", None, (0, 6)),
    "gate": ("s = Sigmoid(x) r = Round(s) y = Mul(x, r)", None, (0, 10)),
    "gelu": ("y = Gelu(x)", None, (-2.4, 10)),
    "silu": ("s = Sigmoid(x) y = Mul(x, s)", None, (-5.6, 10)),
    "elu": ("y = Elu(x)", None, (-3.9, 10)),
    "softplus": ("y = Softplus(x)", None, (-3.9, 10)),
    "mish": ("y = Mish(x)", None, (-5.6, 10)),
    "hard swish": ("y = HardSwish(x)", None, (-3, 10)),
}  # fmt: skip


def network(tail: str, end: str = "out = Conv(y, w)") -> ir.Model:
    """An image times −9 … 10, an activation, and a convolution."""
    constants = {
        "wide": WIDE,
        "zero": np.float32(0),
        "six": np.float32(6),
        "w": weights(np.random.default_rng(1), 3, 3, 1, 1),
    }
    body = f"x = Conv<group = 3>(image, wide) {tail} {end}"
    return rewrite(parsed(body, constants, size="96,96", channels=3), ["canonical"])


def ends(graph: ir.Model) -> tuple[Range, Range]:
    """Return the range of x as seen and as cut."""
    seen = observe_channels(graph, [photo(1), photo(2)], 1.0)
    cut = limit_to_saturation(graph.graph, seen, image_quantization(1 / 255))
    name = next(name for name in seen if name in ("x", "s", "y") and seen[name].whole().low < -5)
    return seen[name].whole(), cut[name].whole()


@pytest.mark.parametrize("kind", TAILS)
def test_a_range_ends_where_the_activation_is_flat(kind: str) -> None:
    tail, _, (low, high) = TAILS[kind]
    _, cut = ends(network(tail))
    assert cut.low == pytest.approx(low, abs=0.15)
    assert cut.high == pytest.approx(high, abs=0.25)


@pytest.mark.parametrize("kind", TAILS)
def test_onnx_runtime_finds_no_more_than_half_a_level_beyond(kind: str) -> None:
    tail, level, _ = TAILS[kind]
    cut = ends(network(tail))[1]
    graph = parsed(f"x = Identity(image) {tail} out = Identity(y)", {
        "zero": np.float32(0), "six": np.float32(6)}, size="1,2000", channels=1)  # fmt: skip
    numbers = np.linspace(-9, 10, 2000, dtype=np.float32).reshape(1, 1, 1, -1)
    whole = run(graph, numbers)
    if level is None:
        level = (whole.max() - min(whole.min(), 0)) / 255
    else:
        whole = whole.clip(-128 * level, (127 if kind == "tanh" else 255) * level)
    moved = run(graph, numbers.clip(cut.low, cut.high)).clip(whole.min(), whole.max()) - whole
    assert np.abs(moved).max() <= 0.52 * level


@pytest.mark.parametrize(
    ("tail", "end"),
    [
        ("y = Tanh(x)", "a = Conv(y, w) b = Conv(x, w) out = Add(a, b)"),  # x itself counts
        ("s = Tanh(x) y = Add(s, x)", "out = Conv(y, w)"),
        ("y = Abs(x)", "out = Conv(y, w)"),
        ("y = Softmax<axis = 1>(x)", "out = Conv(y, w)"),  # depends on its neighbours
        ("y = LeakyRelu<alpha = 0.1>(x)", "out = Conv(y, w)"),
    ],
)
def test_a_range_that_counts_to_its_ends_stays(tail: str, end: str) -> None:
    seen, cut = ends(network(tail, end))
    assert cut == seen


def test_the_ends_of_a_picture_cut_what_makes_it() -> None:
    """Behind a sigmoid that ends the graph a level is a pixel's."""
    _, cut = ends(network("y = Sigmoid(x)", "out = Identity(y)"))
    assert cut.high == pytest.approx(np.log(509), abs=0.1)


def test_gains_behind_a_split_cut_at_the_finest_level() -> None:
    """The two channels of a are 0 … 8 and −0.17 … 0: GELU is flat to half of 0.17/255 at −3.75."""
    tail = "p, q = Split<axis = 1, num_outputs = 2>(x) a = Gelu(p) b = Gelu(q)"
    graph = network(tail, "y = Concat<axis = 1>(a, b) out = Conv(y, w)")
    region = [node for node in graph.graph if node.outputs[0].name == "a"]
    mark_float(region[0])
    insert_edge_factors(graph.graph, region)
    seen, cut = ends(graph)
    assert seen.low < -8
    assert cut.low == pytest.approx(-3.75, abs=0.05)


def test_the_image_gains_the_levels_that_nobody_needs() -> None:
    """tanh(100·(x − ½)): a scale that covered ±50 would have three levels between −½ and ½."""
    body = "x = Conv(image, steep, centre) y = Tanh(x) out = Conv(y, half, middle)"
    constants = {
        "steep": 100 * np.eye(3, dtype=np.float32)[..., None, None],
        "centre": np.full(3, -50, np.float32),
        "half": 0.4 * np.eye(3, dtype=np.float32)[..., None, None],
        "middle": np.full(3, 0.5, np.float32),
    }
    graph = parsed(body, constants, size="96,96", channels=3)
    quantized = quantize(graph, PLAIN, CONTRACT, [photo(seed) for seed in range(4)])
    image = to_nchw(photo(50), 1.0)
    error = run(quantized, image, exact=True) - run(graph, image)
    assert -10 * np.log10(np.mean(error**2)) > 45
