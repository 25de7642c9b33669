"""Unfolded neighbourhoods, phases by slices, rare products, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import is_shaped_by_size
from tests.graph.build import kinds, parsed, run

SEED = 7
GENERATOR = np.random.default_rng(SEED)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)


def weights(*shape: int) -> np.ndarray:
    return GENERATOR.normal(size=shape).astype(np.float32)


WINDOWS = {
    "every pixel": ((3, 6, 1, 1, 0), (3, 8, 1, 1, 0)),
    "steps of two": ((2, 4, 1, 2, 0), (3, 4, 1, 2, 1)),
    "dilated": ((3, 4, 2, 1, 0), (2, 5, 3, 1, 2)),
    "one row": ((1, 8, 1, 1, 0), (3, 3, 1, 3, 0)),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_an_unfolded_image_is_a_convolution_that_copies(name: str) -> None:
    tables = {
        key: first + np.add.outer(np.arange(taps) * dilation, np.arange(count) * stride)
        for key, (taps, count, dilation, stride, first) in zip("ij", WINDOWS[name], strict=True)
    }
    (rows, height), (columns, width) = tables["i"].shape, tables["j"].shape
    shape = np.array([1, 6 * rows * columns, height * width], np.int64)
    model = parsed(
        "g = Gather<axis=2>(image, i) h = Gather<axis=4>(g, j) "
        "t = Transpose<perm=[0,1,2,4,3,5]>(h) out = Reshape(t, s)",
        {**{key: table.astype(np.int64) for key, table in tables.items()}, "s": shape},
    )
    rewritten = rewrite(model, ["canonical"])
    assert "Gather" not in kinds(rewritten)
    assert "Conv" in kinds(rewritten)
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))


def test_a_table_without_steps_is_left_alone() -> None:
    model = parsed(
        "g = Gather<axis=2>(image, i) h = Gather<axis=4>(g, j) "
        "t = Transpose<perm=[0,1,2,4,3,5]>(h) out = Reshape(t, s)",
        {"i": np.array([[0, 2, 3], [1, 3, 5]]), "j": np.array([[0, 1], [1, 2]]),
         "s": np.array([1, 24, 6])},
    )  # fmt: skip
    rewritten = rewrite(model, ["canonical"])
    assert kinds(rewritten).count("Gather") == 2


PHASES = {
    "in order": [(0, 0), (0, 1), (1, 0), (1, 1)],
    "columns first": [(0, 0), (1, 0), (0, 1), (1, 1)],
}
SLICES = """
    a = Slice(image, zero, far, two, step) b = Slice(image, one, far, two, step)
    p00 = Slice(a, zero, far, three, step) p01 = Slice(a, one, far, three, step)
    p10 = Slice(b, zero, far, three, step) p11 = Slice(b, one, far, three, step)
"""
NUMBERS = {
    key: np.array([value], np.int64)
    for key, value in {
        "zero": 0,
        "one": 1,
        "two": 2,
        "three": 3,
        "step": 2,
        "far": 2**31 - 1,
    }.items()
}


@pytest.mark.parametrize("name", PHASES)
def test_slices_of_every_second_pixel_joined_are_space_to_depth(name: str) -> None:
    joined = ", ".join(f"p{a}{b}" for a, b in PHASES[name])
    model = parsed(
        f"{SLICES} c = Concat<axis=1>({joined}) out = Conv(c, w)",
        NUMBERS | {"w": weights(4, 24, 3, 3)},
    )
    rewritten = rewrite(model, ["canonical"])
    assert kinds(rewritten) == ["SpaceToDepth", "Conv"]
    np.testing.assert_allclose(run(rewritten, IMAGE), run(model, IMAGE), atol=2e-5)


@pytest.mark.parametrize(
    "body",
    [
        f"{SLICES} c = Concat<axis=1>(p00, p10, p01, p11) out = Relu(c)",
        f"{SLICES} c = Concat<axis=1>(p00, p00, p01, p11) out = Relu(c)",
        f"{SLICES} d = Relu(p11) c = Concat<axis=1>(p00, p01, p10, d) out = Relu(c)",
    ],
)
def test_phases_that_no_weights_can_put_in_order_or_that_miss_stay_slices(body: str) -> None:
    model = parsed(body, NUMBERS)
    rewritten = rewrite(model, ["canonical"])
    assert "SpaceToDepth" not in kinds(rewritten)
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))


def assignment(phases: list[tuple[int, int]]) -> tuple[str, dict[str, np.ndarray]]:
    """Return assignments to every second pixel of an image of zeros, in this order."""
    places = np.stack(np.indices((1, 6, 8, 10)), -1) * np.array([1, 1, 2, 2])
    constants = {"d0": np.zeros((1, 6, 16, 20), np.float32)}
    body = "u0 = Relu(image) u1 = Neg(image) u2 = Sigmoid(image) u3 = Tanh(image) "
    for index, phase in enumerate(phases):
        constants[f"i{index}"] = places + np.array([0, 0, *phase])
        body += f"d{index + 1} = ScatterND(d{index}, i{index}, u{index}) "
    return f"{body} out = Identity(d{len(phases)})", constants


@pytest.mark.parametrize("name", PHASES)
def test_assignments_to_every_pixel_are_depth_to_space(name: str) -> None:
    model = parsed(*assignment(PHASES[name]))
    rewritten = rewrite(model, ["canonical"])
    assert "ScatterND" not in kinds(rewritten)
    assert "DepthToSpace" in kinds(rewritten)
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))


def test_assignments_that_leave_pixels_out_are_left_alone() -> None:
    model = parsed(*assignment([(0, 0), (0, 1), (1, 1)]))
    assert "ScatterND" in kinds(rewrite(model, ["canonical"]))


PRODUCTS = {
    "Gemm of columns": "m = ReduceMean<keepdims=0>(image, axes) t = Transpose<perm=[1,0]>(m) "
    "out = Gemm<transA=1>(t, w)",
    "Gemm with a matrix": "m = ReduceMean<keepdims=0>(image, last) s = Squeeze(m, first) "
    "out = Gemm<beta=0.5>(s, v, table)",
    "vector times matrix": "m = ReduceMean<keepdims=0>(image, axes) s = Squeeze(m, first) "
    "out = MatMul(s, w)",
    "rows times vector": "out = MatMul(image, ten)",
    "vector times vector": "m = ReduceMean<keepdims=0>(image, axes) s = Squeeze(m, first) "
    "d = MatMul(s, six) out = Relu(d)",
    "slopes per pixel": "out = PRelu(image, slopes)",
    "rows by Einsum": 't = Transpose<perm=[0,2,3,1]>(image) e = Einsum<equation="bhwc,oc->bhwo">'
    "(t, turned) out = Transpose<perm=[0,3,1,2]>(e)",
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_and_slopes_of_rare_forms_compute_the_same(name: str) -> None:
    numbers = {"axes": [2, 3], "last": [3], "first": [0]}
    constants = {key: np.array(values, np.int64) for key, values in numbers.items()}
    constants |= {
        "w": weights(6, 4), "v": weights(8, 5), "table": weights(6, 5), "ten": weights(10),
        "six": weights(6), "slopes": weights(6, 8, 1), "turned": weights(4, 6),
    }  # fmt: skip
    model = parsed(PRODUCTS[name], constants)
    rewritten = rewrite(model, ["canonical"])
    got, wanted = run(rewritten, IMAGE), run(model, IMAGE)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, atol=2e-5)
    assert not {"Einsum", "PRelu"} & set(kinds(rewritten))
    assert not any(node.attributes.get_int("transA", 0) for node in rewritten.graph)


def test_a_count_of_pixels_that_is_computed_with_asks_for_a_size() -> None:
    body = "s = Shape(image) f = Cast<to=1>(s) m = ReduceMax(f) out = Div(image, m)"
    assert is_shaped_by_size(parsed(body, {}, "h,w"))
    assert not is_shaped_by_size(parsed("f = Cast<to=1>(image) out = Relu(f)", {}, "h,w"))


@pytest.mark.parametrize("pads", [[-2, -1, -3, 0], [-2, 3, 0, -1], [0, 0, -7, -9]])
@pytest.mark.parametrize("size", ["8,10", "h,w"])
def test_padding_by_negative_amounts_is_a_slice(pads: list[int], size: str) -> None:
    numbers = np.array([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64)
    model = parsed("p = Pad(image, n) out = Relu(p)", {"n": numbers}, size)
    rewritten = rewrite(model, ["canonical"])
    assert "Slice" in kinds(rewritten)
    assert ("Pad" in kinds(rewritten)) == (max(pads) > 0)
    np.testing.assert_array_equal(run(rewritten, IMAGE), run(model, IMAGE))
