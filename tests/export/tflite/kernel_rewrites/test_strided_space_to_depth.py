"""Strided convolutions of few channels read blocks of pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.kernels.x86 import X86_VNNI
from tests.export.tflite.kernel_rewrites.build import (
    assert_float_file,
    assert_int8_file,
    conv,
    network,
    shuffle,
    views,
)

CASES = ["gray in by a stride", "a stride whose padding is no block", "a stride of four"]


@pytest.mark.parametrize("name", CASES)
def test_an_int8_file_returns_what_the_qdq_model_returns(name: str, tmp_path: Path) -> None:
    assert_int8_file(name, tmp_path / "fast.tflite")


@pytest.mark.parametrize("name", CASES)
def test_a_float_file_agrees_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    assert_float_file(name, tmp_path / "fast.tflite")


def test_a_stride_with_many_channels_reads_the_image_as_it_is() -> None:
    layers = (conv("image", "a", 3, 3, 16), conv("a", "b", 3, 16, 16, stride=2))
    last = (conv("b", "c", 1, 16, 12), shuffle("c", "out", 2))
    fast = fastest_rewrites(views(network(*layers, *last, channels=3), 3, 1)["int8"], X86_VNNI)
    assert [op.attributes.get("strides") for op in fast.network.operations if op.name == "b"] == [
        (2, 2)
    ]
