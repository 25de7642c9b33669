"""Qualcomm's own compiler and emulator, with the libraries of the extra `qualcomm`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq.chips import CHIPS, QUALCOMM
from edge_imgq.cli.main import main
from edge_imgq.errors import UnsupportedOperatorError
from edge_imgq.export.npu.compiler import compile_for
from edge_imgq.export.npu.sdk import find_sdk
from edge_imgq.runtime.npu_file import compiled_for, placement
from edge_imgq.skipped import Skipped
from tests.small_models import whole_model

FOUND = find_sdk(QUALCOMM)
REASON = FOUND.reason if isinstance(FOUND, Skipped) else ""
needs_sdk = pytest.mark.skipif(bool(REASON), reason=REASON or "there")
WHOLE = ("SM8450", "SM8650", "SM8750")


@pytest.fixture(scope="module")
def made(
    tiny: Path,
    photos: Path,
    tmp_path_factory: pytest.TempPathFactory,
    small_patches: None,
) -> Path:
    output = tmp_path_factory.mktemp("qualcomm")
    words = ("export", tiny, "--size", "48x64", "--target", "tflite-npu")
    images = ("--calibration", photos / "calibration", "--images", photos / "evaluation")
    more = ("--scheme", "int8-fast", "--no-bench", "--output", output)
    assert main([str(word) for word in (*words, *images, *more)]) == 0
    return output / "tiny"


@pytest.mark.device
@needs_sdk
def test_each_chip_takes_all_operators_and_computes_what_the_graph_computes(made: Path) -> None:
    report = json.loads((made / "report.json").read_text())
    assert report["failed"] == []
    assert report["not_run"] == []
    compiled = [target for target in report["targets"] if "-sm" in target["target"]]
    assert len(compiled) == len(WHOLE)
    for target in compiled:
        assert target["placement"]["delegated"] == target["placement"]["operators"] > 3
        assert target["vs_host"]["psnr"] >= 50
        assert "emulated" in target["runtime"]
    for model in WHOLE:
        chip = compiled_for(made / f"tflite-npu-{model.lower()}.tflite")
        assert chip is CHIPS[f"qualcomm:{model.lower()}"]


@pytest.mark.device
@needs_sdk
def test_a_mean_that_leaves_its_padding_out_is_right(
    photos: Path,
    tmp_path: Path,
    small_patches: None,
) -> None:
    """As SAME, which says the same and which the plugin computes otherwise, it came to 27 dB."""
    sides = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 0}
    nodes = [
        helper.make_node("AveragePool", ["image"], ["a"], **sides),
        helper.make_node("Conv", ["a", "w"], ["b"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["a", "b"], ["out"]),
    ]
    assert least_psnr(nodes, photos, tmp_path) >= 50


@pytest.mark.device
@needs_sdk
def test_an_rgb_image_that_is_halved_is_right(
    photos: Path,
    tmp_path: Path,
    small_patches: None,
) -> None:
    """As a depthwise 2x2 with stride 2, which the chip computes otherwise, it came to 6 dB."""
    sides = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("AveragePool", ["image"], ["a"], **sides),
        helper.make_node("Conv", ["a", "w"], ["b"], kernel_shape=[1, 1]),
        helper.make_node("Resize", ["b", "", "twice"], ["c"], mode="linear"),
        helper.make_node("Add", ["image", "c"], ["out"]),
    ]
    assert least_psnr(nodes, photos, tmp_path) >= 50


def least_psnr(nodes: list[onnx.NodeProto], photos: Path, folder: Path) -> float:
    """Export a network for each chip; return the least dB of its files against a processor's."""
    last = np.random.default_rng(3).normal(0, 0.1, (3, 3, 1, 1)).astype(np.float32)
    constants = {"w": last, "twice": np.float32([1, 1, 2, 2])}
    read = {name for node in nodes for name in node.input}
    model = whole_model(nodes, {name: value for name, value in constants.items() if name in read})
    onnx.save(model, folder / "mean.onnx")
    words = ("export", folder / "mean.onnx", "--size", "48x64", "--target", "tflite-npu")
    images = ("--calibration", photos / "calibration", "--images", photos / "evaluation")
    more = ("--scheme", "int8-fast", "--no-bench", "--output", folder)
    assert main([str(word) for word in (*words, *images, *more)]) == 0
    report = json.loads((folder / "mean" / "report.json").read_text())
    compiled = [target for target in report["targets"] if "-sm" in target["target"]]
    assert len(compiled) == len(WHOLE)
    return min(float(target["vs_host"]["psnr"]) for target in compiled)


@pytest.mark.device
@needs_sdk
def test_activations_of_16_bits_come_out_as_on_a_processor(
    tiny: Path,
    photos: Path,
    tmp_path: Path,
    small_patches: None,
) -> None:
    words = ("export", tiny, "--size", "48x64", "--target", "tflite-npu16")
    images = ("--calibration", photos / "calibration", "--images", photos / "evaluation")
    more = ("--scheme", "int8-fast", "--no-bench", "--output", tmp_path)
    assert main([str(word) for word in (*words, *images, *more)]) == 0
    report = json.loads((tmp_path / "tiny" / "report.json").read_text())
    compiled = [target for target in report["targets"] if "-sm" in target["target"]]
    assert len(compiled) == len(WHOLE)
    for target in compiled:
        assert target["placement"]["delegated"] == target["placement"]["operators"] > 5
        assert target["vs_host"]["psnr"] >= 60


@pytest.mark.device
@needs_sdk
def test_it_is_compiled_to_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = [tmp_path / "1.tflite", tmp_path / "2.tflite"]
    for path in again:
        compile_for(CHIPS["qualcomm:sm8750"], made / "tflite-npu-fallback.tflite", path)
    assert again[0].read_bytes() == again[1].read_bytes()
    assert placement(again[0]).partitions == 1


@pytest.mark.device
@pytest.mark.slow
@needs_sdk
def test_a_file_that_partitions_and_does_not_compile_is_refused(tmp_path: Path) -> None:
    words = ("export", "fsrcnn-x2", "--target", "tflite-float", "--no-bench", "--output", tmp_path)
    assert main([str(word) for word in words]) == 0
    path = tmp_path / "compiled.tflite"
    said = (
        r"took 16 of 16 operators for the NPU of SM8350 \(Snapdragon 888\), and then failed with "
        r"exit code 6: could not create op: q::ForceFormat_Crouton\.$"
    )
    with pytest.raises(UnsupportedOperatorError, match=said):
        compile_for(CHIPS["qualcomm:sm8350"], tmp_path / "fsrcnn-x2" / "tflite-float.tflite", path)
    assert not path.exists()
