"""The receptive field, against which input pixels really move an output pixel."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq.export.coreml.lowerings import LOWERINGS as COREML
from edge_imgq.export.tflite.lowerings import LOWERINGS as TFLITE
from edge_imgq.graph.receptive_field.receptive_field import receptive_field
from edge_imgq.graph.receptive_field.row_rules import KNOWN
from tests.graph.build import model, parsed, run, weights


def conv(source: str, target: str, kernel: int, *, stride: int = 1, dilation: int = 1):
    pad = (kernel - 1) * dilation // 2
    return helper.make_node(
        "Conv",
        [source, f"w{kernel}"],
        [target],
        kernel_shape=[kernel] * 2,
        pads=[pad] * 4,
        strides=[stride] * 2,
        dilations=[dilation] * 2,
    )


def constants(channels: int = 3) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(2)
    sizes = {f"w{k}": np.abs(weights(generator, channels, channels, k, k)) for k in (1, 3, 5)}
    return {**sizes, "up": np.abs(weights(generator, channels, channels, 4, 4))}


UP = helper.make_node(
    "ConvTranspose", ["b", "up"], ["out"], kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4
)
NETWORKS = {
    "two convolutions": ([conv("image", "a", 5), conv("a", "out", 3)], 3),
    "dilated": ([conv("image", "a", 3, dilation=3), conv("a", "out", 3)], 4),
    "pointwise": ([conv("image", "a", 1), helper.make_node("Relu", ["a"], ["out"])], 0),
    "down and up": ([conv("image", "a", 3, stride=2), conv("a", "b", 3), UP], None),
}


def measured_radius(network, size: int = 48) -> int:
    """Farthest input pixel that changes any of sixteen output pixels in the middle."""
    farthest = 0
    rest = run(network, np.full((1, 3, size, size), 0.5, np.float32))
    scale = rest.shape[2] // size
    for row in range(size):
        moved = np.full((1, 3, size, size), 0.5, np.float32)
        moved[:, :, row, :] += 1
        changed = np.abs(run(network, moved) - rest).max(axis=(0, 1, 3)) > 1e-7
        for output in range(20 * scale, 28 * scale):
            if changed[output]:
                farthest = max(farthest, abs(output // scale - row))
    return farthest


@pytest.mark.parametrize(("nodes", "exact"), NETWORKS.values(), ids=NETWORKS.keys())
def test_no_pixel_outside_the_radius_moves_the_output(nodes, exact) -> None:
    network = model(nodes, constants())
    radius = receptive_field(network).radius
    assert radius is not None
    seen = measured_radius(network)
    assert seen <= radius
    assert exact is None or seen == radius == exact


def test_global_pooling_sees_the_whole_image() -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Sub", ["image", "mean"], ["out"]),
    ]
    assert receptive_field(model(nodes, {})).radius is None


def repeated(inner: str) -> list[onnx.NodeProto]:
    """Every channel twice, as torch's repeat_interleave; `inner` is the shape between."""
    return [
        helper.make_node("Unsqueeze", ["image", "axis"], ["one"]),
        helper.make_node("Expand", ["one", "twice"], ["two"]),
        helper.make_node("Reshape", ["two", inner], ["out"]),
    ]


SHAPES = {
    "axis": np.array([2]),
    "twice": np.array([1, 3, 2, 48, 48]),
    "places kept": np.array([1, 6, 48, 48]),
    "places moved": np.array([1, 6, 36, 64]),
}


def test_channels_may_be_repeated_and_pixels_not_be_laid_out_anew() -> None:
    for inner, radius in (("places kept", 0), ("places moved", None)):
        network = model(repeated(inner), SHAPES, size=(48, 48))
        assert receptive_field(network).radius == radius


def test_an_unknown_operator_is_taken_to_see_everything() -> None:
    nodes = [helper.make_node("Softmax", ["image"], ["out"], axis=3)]
    assert receptive_field(model(nodes, {})).diameter is None


BLUR = np.ones((6, 1, 3, 3), np.float32) / 9
FOLLOWED = {
    **{
        name: f"a = {name}(image) out = Conv<group=6, pads=[1,1,1,1]>(a, blur)"
        for name in (
            "Softplus", "Mish", "Selu", "Celu", "Reciprocal", "Sin", "Cos", "Exp", "Sqrt", "Floor",
        )
    },
    "channels' norm between transpositions": (
        "a = Transpose<perm=[0,3,2,1]>(image) b = LayerNormalization(a, six, six) "
        "c = Transpose<perm=[0,3,2,1]>(b) out = Conv<group=6, pads=[1,1,1,1]>(c, blur)"
    ),
    "halves of the channels": (
        "a, b = Split<axis=1, num_outputs=2>(image) c = Mul(a, b) d = Concat<axis=1>(c, a) "
        "out = Conv<group=6, pads=[1,1,1,1]>(d, blur)"
    ),
    "cropped and padded": (
        "a = Slice(image, minus, far, sides) b = Pad(a, again) out = Add(b, image)"
    ),
    "as large as the skip": (
        "a = MaxPool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(image) s = Shape(image) "
        'b = Resize<mode="linear">(a, , , s) out = Add(b, image)'
    ),
    "the greatest channel": (
        "a = ReduceMax(image, one) b = Gather<axis=1>(image, picked) c = Mul(a, b) "
        "d = Greater(c, image) e = Where(d, c, image) f = Softmax<axis=1>(e) "
        "out = Conv<group=6, pads=[1,1,1,1]>(f, blur)"
    ),
    "windows of four": (
        "s = Shape(image) t = Reshape(image, apart) "
        "q = Transpose<perm=[0,1,2,4,3,5]>(t) r = Reshape(q, rows) k = Transpose<perm=[0,2,1]>(r) "
        "m = MatMul(r, k) p = Softmax(m) v = MatMul(p, r) w = Reshape(v, together) "
        "z = Transpose<perm=[0,1,2,4,3,5]>(w) out = Reshape(z, s)"
    ),
    "phases": (
        "a = SpaceToDepth<blocksize=3>(image) b = Softmax<axis=1>(a) "
        "out = DepthToSpace<blocksize=3>(b)"
    ),
    "lines of an Einsum": 'a = Einsum<equation="bchw,cd->bdhw">(image, mixed) out = Neg(a)',
}  # fmt: skip
WHOLE = {
    "a mean": ("a = ReduceMean(image, sides) out = Sub(image, a)", "ReduceMean 'node_0' looks at"),
    "attention": (
        "r = Reshape(image, flat) k = Transpose<perm=[0,2,1]>(r) m = MatMul(k, r) p = Softmax(m) "
        "s = Shape(image) v = MatMul(r, p) out = Reshape(v, s)", "looks at the whole image"),
    "an instance norm": (
        "a = InstanceNormalization(image, six, six) out = Relu(a)",
        "InstanceNormalization 'node_0' looks at the whole image"),
    "places of a grid": (
        "t = Transpose<perm=[0,2,3,1]>(image) g = Slice(t, zero, two, last) "
        "out = GridSample(image, g)", "what GridSample 'node_2' looks at is not known"),
}  # fmt: skip
SIDE = 48
PLACES = {
    "blur": BLUR,
    "six": np.ones(6, np.float32),
    "one": np.array([1]),
    "two": np.array([2]),
    "zero": np.array([0]),
    "last": np.array([3]),
    "sides": np.array([2, 3]),
    "minus": np.array([2, 2]),
    "far": np.array([2**31, 2**31]),
    "again": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "picked": np.array([5, 4, 3, 2, 1, 0]),
    "flat": np.array([0, 6, -1]),
    "apart": np.array([1, 6, SIDE // 4, 4, SIDE // 4, 4]),
    "rows": np.array([6 * (SIDE // 4) ** 2, 16, 1]),
    "together": np.array([1, 6, SIDE // 4, SIDE // 4, 4, 4]),
    "mixed": np.eye(6, dtype=np.float32)[::-1].copy(),
}


def followed(body: str, size: str = "h, w"):
    words = set(body.replace("(", " ").replace(")", " ").replace(",", " ").split())
    used = {name: value for name, value in PLACES.items() if name in words}
    return parsed(body, used, size)


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_is_followed_is_never_less_than_what_moves_the_output(name: str) -> None:
    network = followed(FOLLOWED[name], f"{SIDE},{SIDE}" if "windows" in name else "h, w")
    field = receptive_field(network)
    assert field.radius is not None, field.reason
    rng = np.random.default_rng(3)
    image = rng.uniform(0.2, 1, (1, 6, SIDE, SIDE)).astype(np.float32)
    rest, farthest = run(network, image), 0
    for axis in (2, 3):
        for row in range(SIDE):
            moved = image.copy()
            np.moveaxis(moved, axis, 0)[row] += 0.5
            others = tuple(a for a in range(4) if a != axis)
            changed = np.nonzero(np.abs(run(network, moved) - rest).max(axis=others) > 1e-6)[0]
            farthest = max(farthest, int(np.abs(changed - row).max(initial=0)))
    assert farthest <= field.radius <= farthest + 1


@pytest.mark.parametrize("name", WHOLE)
def test_what_looks_at_everything_and_what_is_not_known_are_told_apart(name: str) -> None:
    body, reason = WHOLE[name]
    field = receptive_field(followed(body))
    assert field.radius is None
    assert reason in field.reason


def test_tiles_start_where_windows_do_and_corners_are_told() -> None:
    assert receptive_field(followed(FOLLOWED["phases"])).period == 3
    assert receptive_field(followed(FOLLOWED["as large as the skip"])).period == 2
    size = f"{4 * SIDE},{4 * SIDE}"
    body = FOLLOWED["as large as the skip"].replace(
        'mode="linear"', 'mode="linear", coordinate_transformation_mode="align_corners"'
    )
    assert not receptive_field(followed(body, size)).steady
    assert receptive_field(followed(FOLLOWED["as large as the skip"], size)).steady


MADE_BY_WRITERS = {"CentredLevels", "Dequantize", "InverseDeviation", "Requantize", "RoundedToUnit"}
"""What writers put between operators; no float or QDQ graph holds it."""


def test_every_operator_that_a_target_lowers_is_followed() -> None:
    lowered = set(TFLITE) | set(COREML)
    assert lowered - set(KNOWN) == MADE_BY_WRITERS
