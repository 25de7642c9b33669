"""Transposed convolutions as plain ones over an image with zeros, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size
from tests.graph.build import kinds, model, run
from tests.graph.passes.by_name.build import COVERED, EXCESSIVE, LEFT_ALONE, deconvolution, shuffle

DECOMPOSED = ("Resize", "Mul", "Conv")


def convolutions(graph) -> list[str]:
    """Return the operators that compute something of the image."""
    return [kind for kind in kinds(graph) if kind in (*DECOMPOSED, "ConvTranspose", "DepthToSpace")]


DECONVOLUTIONS = {**COVERED, **LEFT_ALONE, **{name: form for name, (form, _) in EXCESSIVE.items()}}
KEPT = {"stride 1", "cut deeper than it reaches", "two blocks less", "half a block less"}
"""Those of stride 1, and those of which more is cut off than a plain convolution pads."""


@pytest.mark.parametrize("form", DECONVOLUTIONS)
@pytest.mark.parametrize("size", [(5, 7), (8, 6)])
def test_the_plain_convolution_computes_what_the_transposed_one_did(form, size) -> None:
    original = deconvolution(**DECONVOLUTIONS[form])
    rewritten = rewrite(original, ["zero-insertion"])
    expected = ["ConvTranspose"] if form in KEPT else list(DECOMPOSED)
    assert convolutions(rewritten) == expected
    image = np.random.default_rng(1).normal(size=(1, 3, *size)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=2e-6)


@pytest.mark.parametrize("block", [2, 3])
@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_a_pixel_shuffle_is_decomposed_to_the_bit(mode, block) -> None:
    original = model([shuffle(mode, block)], {}, channels=3 * block**2)
    rewritten = rewrite(original, ["pixel-shuffle-to-deconv", "zero-insertion"])
    assert convolutions(rewritten) == list(DECOMPOSED)
    image = np.random.default_rng(2).normal(size=(1, 3 * block**2, 5, 4)).astype(np.float32)
    assert np.array_equal(run(rewritten, image), run(original, image))


def test_at_a_size_the_mask_is_a_constant() -> None:
    original = model([shuffle("DCR", 2)], {}, channels=4)
    bound = bind_size(rewrite(original, ["pixel-shuffle-to-deconv", "zero-insertion"]), (6, 10))
    assert "Shape" not in kinds(bound)
