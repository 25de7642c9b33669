"""Strided slices and assignments are pixel shuffles."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run
from tests.graph.passes.build import IMAGE, weights

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
