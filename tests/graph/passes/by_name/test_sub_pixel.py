"""Transposed convolution in its sub-pixel form, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.graph.passes.by_name.sub_pixel import sub_pixel
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, run
from tests.graph.passes.by_name.build import COVERED, EXCESSIVE, LEFT_ALONE, deconvolution


@pytest.mark.parametrize("form", COVERED.values(), ids=COVERED.keys())
@pytest.mark.parametrize("size", [(5, 7), (8, 6), (1, 1)])
def test_the_phases_compute_what_the_transposed_convolution_did(form, size) -> None:
    original = deconvolution(**form)
    image = np.random.default_rng(1).normal(size=(1, 3, *size)).astype(np.float32)
    rewritten = rewrite(original, ["sub-pixel"])
    assert kinds(rewritten) == ["Conv", "DepthToSpace"]
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=2e-6)


@pytest.mark.parametrize("name", EXCESSIVE)
@pytest.mark.parametrize("size", [(5, 7), (8, 6)])
def test_what_is_longer_or_shorter_than_whole_strides_is_padded_and_cut(name, size) -> None:
    form, is_cut = EXCESSIVE[name]
    original = deconvolution(**form)
    image = np.random.default_rng(1).normal(size=(1, 3, *size)).astype(np.float32)
    rewritten = rewrite(original, ["sub-pixel"])
    assert kinds(rewritten) == ["Conv", "DepthToSpace", *(["Slice"] if is_cut else [])]
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=2e-6)


@pytest.mark.parametrize("form", LEFT_ALONE.values(), ids=LEFT_ALONE.keys())
def test_what_the_algebra_does_not_cover_is_left_alone(form) -> None:
    original = deconvolution(**form)
    assert sub_pixel(original) == 0
    assert kinds(original) == ["ConvTranspose"]


def test_a_nine_by_nine_of_stride_two_becomes_five_by_five_for_four_channels() -> None:
    rewritten = rewrite(deconvolution(9, 2, 4, 1, outputs=1), ["sub-pixel"])
    weight = rewritten.graph[0].inputs[1]
    assert weight is not None
    assert tuple(weight.shape) == (4, 3, 5, 5)
    # 81 taps in 100 places: phases that have no tap at an edge of the window hold zeros there.
    assert np.count_nonzero(weight.const_value.numpy()[:, 0]) == 81


def test_the_output_keeps_its_name() -> None:
    assert rewrite(deconvolution(4, 2, 1, 0), ["sub-pixel"]).graph.outputs[0].name == "out"


@pytest.mark.parametrize("form", [*COVERED.values(), *(form for form, _ in EXCESSIVE.values())])
def test_a_depthwise_one_is_a_depthwise_convolution_for_every_phase(form) -> None:
    original = deconvolution(**form, outputs=1, groups=3)
    rewritten = rewrite(original, ["canonical", "sub-pixel"])
    phases = form["stride"] ** 2
    assert kinds(rewritten)[: phases + 2] == ["Conv"] * phases + ["Concat", "DepthToSpace"]
    image = np.random.default_rng(1).normal(size=(1, 3, 5, 7)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-5)


def test_a_depthwise_one_is_divided_for_accelerators_without_groups() -> None:
    original = deconvolution(**COVERED["4x4 stride 2"], outputs=1, groups=3)
    rewritten = rewrite(original, ["canonical", "pixel-shuffle-to-deconv"])
    assert kinds(rewritten) == ["Split", *["ConvTranspose"] * 3, "Concat"]
    image = np.random.default_rng(1).normal(size=(1, 3, 5, 7)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-5)
