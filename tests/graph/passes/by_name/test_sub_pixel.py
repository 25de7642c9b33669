"""Transposed convolution in its sub-pixel form, against ONNX Runtime on the original."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edge_imgq.graph.passes.by_name.sub_pixel import sub_pixel
from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, model, run, weights

COVERED = {
    "FSRCNN's, 9x9 stride 2": {"kernel": 9, "stride": 2, "pads": 4, "extra": 1},
    "9x9 stride 3": {"kernel": 9, "stride": 3, "pads": 3, "extra": 0},
    "9x9 stride 4, padding 4": {"kernel": 9, "stride": 4, "pads": 4, "extra": 3},
    "4x4 stride 2": {"kernel": 4, "stride": 2, "pads": 1, "extra": 0},
    "3x3 stride 2": {"kernel": 3, "stride": 2, "pads": 1, "extra": 1},
    "2x2 stride 2": {"kernel": 2, "stride": 2, "pads": 0, "extra": 0},
    "kernel smaller than stride": {"kernel": 2, "stride": 3, "pads": 0, "extra": 1},
}
LEFT_ALONE = {
    "stride 1": {"kernel": 3, "stride": 1, "pads": 1, "extra": 0},
    "cut deeper than it reaches": {"kernel": 2, "stride": 2, "pads": 3, "extra": 0},
}
EXCESSIVE = {
    "one row more than twice": ({"kernel": 3, "stride": 2, "pads": 0, "extra": 0}, True),
    "seven rows more": ({"kernel": 9, "stride": 2, "pads": 0, "extra": 0}, True),
    "two blocks less": ({"kernel": 4, "stride": 2, "pads": 3, "extra": 0}, False),
    "half a block less": ({"kernel": 2, "stride": 3, "pads": 0, "extra": 0}, True),
    "a block more": ({"kernel": 8, "stride": 2, "pads": 2, "extra": 0}, False),
}
"""Forms whose result is longer or shorter than whole strides; whether part of a block is cut."""


def deconvolution(
    kernel: int, stride: int, pads: int, extra: int, outputs: int = 2, groups: int = 1
):
    generator = np.random.default_rng(5)
    node = helper.make_node(
        "ConvTranspose",
        ["image", "w", "b"],
        ["out"],
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[pads] * 4,
        output_padding=[extra] * 2,
        group=groups,
    )
    constants = {
        "w": weights(generator, 3, outputs, kernel, kernel),
        "b": weights(generator, outputs * groups),
    }
    return model([node], constants)


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
