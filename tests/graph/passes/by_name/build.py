"""Transposed convolutions and pixel shuffles that several passes are tested with."""

from __future__ import annotations

import numpy as np
from onnx import helper

from tests.graph.build import model, weights

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


def shuffle(mode: str, block: int, source: str = "image"):
    return helper.make_node("DepthToSpace", [source], ["out"], mode=mode, blocksize=block, name="s")
