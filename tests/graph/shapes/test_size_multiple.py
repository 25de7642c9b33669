"""Sides that networks take, found by trying; and what is said of those that take none."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.graph.pixels import contract_of, read_pixels
from edge_imgq.graph.shapes.size import bind_size, own_size
from edge_imgq.graph.shapes.size_multiple import find_sides
from tests.graph.build import parsed

GENERATOR = np.random.default_rng(5)
BLOCKS = "b = SpaceToDepth<blocksize={0}>({1}) {2} = DepthToSpace<blocksize={0}>(b)"
WINDOWS = (
    "s = Shape(image) h = Gather(s, two) w = Gather(s, three) n = Div(h, side) m = Div(w, side) "
    "t = Concat<axis=0>(ones, n, side, m, side) p = Reshape(image, t) "
    "q = Transpose<perm=[0, 1, 2, 4, 3, 5]>(p) a = Softmax<axis=-1>(q) "
    "b = Transpose<perm=[0, 1, 2, 4, 3, 5]>(a) r = Reshape(b, s) out = Relu(r)"
)


def windows(side: int) -> dict[str, np.ndarray]:
    """Constants of WINDOWS: attention inside squares of a side."""
    numbers = {"two": [2], "three": [3], "side": [side], "ones": [1, 6]}
    return {name: np.array(value, np.int64) for name, value in numbers.items()}


@pytest.mark.parametrize("multiple", [2, 3, 5, 12, 24, 128])
@pytest.mark.parametrize("wanted", [(), ((1, 1),), ((2, 3),)])
def test_a_multiple_that_is_no_power_of_two_is_found(
    multiple: int, wanted: tuple[tuple[int, int], ...]
) -> None:
    asked = [(rows * multiple, columns * multiple) for rows, columns in wanted]
    for model in (
        parsed(BLOCKS.format(multiple, "image", "out"), {}, "h, w"),
        parsed(WINDOWS, windows(multiple), "h, w"),
    ):
        sides = find_sides(model, asked)
        assert sides is not None
        assert (sides.scale, sides.multiple, sides.only) == (1, multiple, None)


def test_two_multiples_meet_in_their_common_one() -> None:
    body = f"{BLOCKS.format(8, 'image', 'a')} c = SpaceToDepth<blocksize=6>(a) "
    sides = find_sides(parsed(f"{body} out = DepthToSpace<blocksize=6>(c)", {}, "h, w"), ())
    assert sides is not None
    assert sides.multiple == lcm(8, 6)


def test_a_network_that_pads_and_crops_by_itself_takes_any_sides() -> None:
    body = (
        "m = MaxPool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(image) s = Shape(image) "
        'out = Resize<mode="nearest">(m, , , s)'
    )
    sides = find_sides(parsed(body, {}, "h, w"), [(9, 15)])
    assert sides is not None
    assert (sides.multiple, sides.only) == (1, None)


SHUFFLE = (
    "a = Conv(image, w) r = Reshape(a, apart) t = Transpose<perm=[0, 1, 4, 2, 5, 3]>(r) "
    "out = Reshape(t, together)"
)
HELD = {
    "w": GENERATOR.normal(0, 0.1, (12, 3, 1, 1)).astype(np.float32),
    "apart": np.array([-1, 3, 2, 2, 32, 48]),
    "together": np.array([-1, 3, 64, 96]),
}


def test_a_size_that_an_open_graph_holds_is_its_only_one() -> None:
    model = parsed(SHUFFLE, HELD, "h, w", channels=3)
    for wanted in ((), ((32, 48),)):
        bound, contract = read_pixels(model, "held", 1.0, wanted)
        assert (own_size(bound), contract.scale) == ((32, 48), 2)
    with pytest.raises(ModelError, match=r"takes 32x48 and does not take 64x96. Reshape 'node_1'"):
        read_pixels(model, "held", 1.0, [(64, 96)])


def refusal(body: str, *, wanted: tuple[tuple[int, int], ...] = ()) -> str:
    ones = {f"w{k}": np.ones((3, 3, k, k), np.float32) for k in (3, 4, 5)}
    always = {"always": np.array([1, 3, 100, 100], np.int64)}
    with pytest.raises(ModelError) as caught:
        read_pixels(parsed(body, {**ones, **always}, "h, w", channels=3), "net", 1.0, wanted)
    return str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "sizes"),
    [((), "896x896 pixels of 448x448"), (((20, 24),), "40x48 pixels of 20x24")],
)
def test_a_network_that_loses_more_on_one_side_is_refused(
    wanted: tuple[tuple[int, int], ...], sizes: str
) -> None:
    up = "out = ConvTranspose<strides=[2,2], pads=[0,0,3,3]>(b, w4)"
    said = refusal(f"a = Conv(image, w3) b = Conv<pads=[2,2,1,1]>(a, w5) {up}", wanted=wanted)
    assert "net makes" in said
    assert sizes.partition(" ")[2] in said
    assert "one multiple of the input's" in said


def test_a_size_that_is_always_the_same_is_no_multiple() -> None:
    said = refusal("out = Resize(image, , , always)", wanted=((32, 48),))
    assert "makes 100x100 pixels of 32x48" in said
    assert "one multiple of the input's" in said


@pytest.mark.parametrize(
    ("factor", "scale", "multiple"),
    [(1.5, Fraction(3, 2), 2), (1.25, Fraction(5, 4), 4), (0.5, Fraction(1, 2), 2)],
)
def test_a_scale_that_is_no_whole_number_has_its_denominator_as_multiple(
    factor: float, scale: Fraction, multiple: int
) -> None:
    by = np.array([1, 1, factor, factor], np.float32)
    model = parsed("out = Resize(image, , by)", {"by": by}, "h, w", channels=3)
    found = contract_of(model, "net", 1.0)
    assert (found.scale, found.multiple) == (scale, multiple)
    assert found.result_size((16, 24)) == (16 * factor, 24 * factor)


def test_an_image_that_nothing_is_left_of_is_refused_with_the_node() -> None:
    body = "a = Conv(image, w5) out = Conv(a, w5)"
    model = parsed(body, {"w5": np.ones((3, 3, 5, 5), np.float32)}, "h, w", channels=3)
    with pytest.raises(ModelError, match=r"3x3 images: nothing is left .* Conv 'node_0'"):
        bind_size(model, (3, 3))
