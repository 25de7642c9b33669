"""What `inspect` shows of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_imgq.errors import ModelError
from edge_imgq.export.tflite.describe import describe

from .cases import CONVOLUTIONS, DECONVOLUTIONS
from .witness import Case, lowered, quantized


def described(case: Case, folder: Path):
    path = folder / "case.tflite"
    path.write_bytes(lowered(case.model()))
    return describe(path)


def test_a_convolution_counts_its_taps_for_every_output(tmp_path: Path) -> None:
    description = described(CONVOLUTIONS["conv then relu"], tmp_path)
    (row,) = description.operators
    assert (row.kind, row.shape, row.dtype, row.fused) == ("CONV_2D", (1, 12, 10, 8), "float32",
                                                           "RELU")  # fmt: skip
    assert row.macs == 12 * 10 * 8 * 6 * 9
    assert row.parameters == 8 * 6 * 9 + 8
    assert (description.macs, description.parameters) == (row.macs, row.parameters)


def test_a_depthwise_convolution_counts_one_channel_per_output(tmp_path: Path) -> None:
    (row,) = described(CONVOLUTIONS["depthwise multiplied"], tmp_path).operators
    assert row.macs == 12 * 10 * 12 * 9


def test_a_transposed_convolution_counts_its_taps_for_every_input(tmp_path: Path) -> None:
    rows = described(DECONVOLUTIONS["deconv as same"], tmp_path).operators
    assert sum(row.macs for row in rows) == 12 * 10 * 6 * 5 * 16


def test_a_grouped_convolution_counts_the_channels_of_its_group(tmp_path: Path) -> None:
    (row,) = described(CONVOLUTIONS["conv of two groups"], tmp_path).operators
    assert row.macs == 12 * 10 * 8 * 3 * 9


def test_inputs_and_outputs_say_their_scale(tmp_path: Path) -> None:
    values = np.random.default_rng(5).uniform(-2, 2, (1, 6, 12, 10)).astype(np.float32)
    path = tmp_path / "case.tflite"
    path.write_bytes(lowered(quantized(CONVOLUTIONS["conv same"].model(), values)))
    description = describe(path)
    (entry,), (leaving,) = description.inputs, description.outputs
    assert (entry.name, leaving.name) == ("image", "image_out")
    assert (entry.shape, entry.dtype, entry.zero_point) == ((1, 12, 10, 6), "uint8", 128)
    assert entry.scale == pytest.approx(2 / 127)
    assert leaving.shape == (1, 12, 10, 8)
    assert description.bytes == path.stat().st_size
    assert description.parameters == 8 * 6 * 9 + 8
    assert description.kinds == {"QUANTIZE": 2, "CONV_2D": 1}


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.tflite"
    path.write_bytes(b"\x89PNG" * 100)
    with pytest.raises(ModelError, match="not a TFLite file"):
        describe(path)
