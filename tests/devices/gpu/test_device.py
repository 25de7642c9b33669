"""LiteRT's GPU kernels: a stand-in for them everywhere, the kernels themselves where they run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edge_imgq.cli.main import main
from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.gpu import bisect as gpu_bisect
from edge_imgq.devices.gpu import device as gpu
from edge_imgq.devices.gpu.bisect import HIGHEST, WrongOperator, first_wrong, none_wrong, psnr_of
from edge_imgq.devices.gpu.device import GpuDevice
from edge_imgq.devices.gpu.log import read_log
from edge_imgq.devices.options import DeviceOptions
from edge_imgq.devices.protocol import Presence
from edge_imgq.errors import DeviceError, UsageError
from edge_imgq.runtime.tflite_parts import computed_tensors, write_submodel
from edge_imgq.skipped import Skipped
from tests.conftest import CHECKOUT
from tests.devices.gpu.build import DRIVERS, Setting, noise, opened, stand_in, tampered, verified
from tests.devices.gpu.stand_in import PROCESSOR, REFUSALS
from tests.small_models import tiny_model


def test_what_is_not_set_up_is_skipped_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "missing_kernels", lambda: None)
    monkeypatch.setattr(gpu, "vulkan_drivers", lambda: ())
    monkeypatch.setattr(gpu, "cannot_be_set_up", lambda: "")
    found = find_device("gpu")
    assert isinstance(found, Skipped)
    assert found.reason.endswith("Run `edge-imgq doctor --set-up gpu`.")
    (tmp_path / "tflite-gpu.tflite").touch()
    assert main(["bench", str(tmp_path / "tflite-gpu.tflite"), "--device", "gpu", "--json"]) == 7
    (row,) = json.loads(capsys.readouterr().out)
    assert "doctor --set-up gpu" in row["latency"]["skipped"]
    monkeypatch.setattr(gpu, "cannot_be_set_up", lambda: "it needs Linux, and this is Darwin")
    assert gpu.look() == (
        Presence(
            "gpu", False, "there is no Vulkan driver, and no software driver is set up; it needs "
            "Linux, and this is Darwin",
        ),
    )  # fmt: skip


def test_a_system_driver_is_named_as_one_that_was_not_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu, "missing_kernels", lambda: None)
    monkeypatch.setattr(gpu, "vulkan_drivers", DRIVERS)
    monkeypatch.setattr(gpu, "find_library", lambda name: "libvulkan.so.1")
    monkeypatch.setattr(gpu, "MANIFESTS", (str(tmp_path),))
    monkeypatch.setattr(gpu, "read_driver", lambda folder: None)
    for variable in gpu.CHOSEN:
        monkeypatch.delenv(variable, raising=False)
    assert gpu.vulkan_drivers() == ()
    (tmp_path / "nvidia_icd.json").touch()
    assert gpu.look() == (Presence("gpu", True, "the system's Vulkan driver (not tried)"),)


def test_a_litert_without_gpu_kernels_says_which_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "ACCELERATOR", "libNobodyHas.so")
    (found,) = gpu.look()
    assert not found.is_available
    assert "brings no GPU kernels" in found.reason
    assert "pip install 'ai-edge-litert>=2.3'" in found.reason


def test_a_name_behind_it_is_none() -> None:
    assert isinstance(find_device("gpu:0"), Skipped)


def test_only_a_gpu_is_bisected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(CHECKOUT), "--bisect"]) in (2, 5)
    with pytest.raises(UsageError, match="goes with --device gpu alone"):
        find_device("host", DeviceOptions(bisects=True))


def test_int8_files_and_other_formats_are_refused(small: Path, tmp_path: Path) -> None:
    device = GpuDevice((stand_in("gpu"),))
    assert "int8 file, and GPUs compute in float" in device.refusal(
        small / "tiny" / "tflite-int8.tflite"
    )
    assert device.refusal(small / "tiny" / "tflite-float.tflite") == ""
    assert "run TFLite files" in device.refusal(tmp_path / "onnx-float.onnx")


def test_both_precisions_are_reported_and_no_time(
    small: Path, drivers: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("processor")
    file = small / "tiny" / "tflite-float.tflite"
    (target,) = verified(file, capsys)["targets"]
    found = target["gpu"]
    assert 60 < found["float16"] < 90 < found["float32"]
    assert found["size"] == [48, 64]
    assert "llvmpipe (LLVM 15.0.6, 256 bits)" in found["runtime"]
    assert found["beyond"] == []
    assert target["budget"]["psnr_vs_reference"] == 50  # float16's, not that of tflite-float
    assert target["budget"]["psnr_drop"] == 0.05
    assert "a processor stands for the GPU" in target["latency"]["skipped"]
    place = target["placement"]
    assert (place["delegated"], place["fallback"]) == (place["operators"], [])
    assert target["vs_host"]["within_1"] == 1
    main(["verify", str(file), "--device", "gpu"])
    text = " ".join(capsys.readouterr().out.split())
    said = "dB against this host in the float16 that phones' GPUs use, 150.0 in float32: right"
    assert said in text


def test_operators_that_it_refuses_are_named(
    small: Path, drivers: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("part")
    (target,) = verified(small / "tiny" / "tflite-float.tflite", capsys)["targets"]
    place = target["placement"]
    assert (place["operators"], place["delegated"], place["partitions"]) == (12, 7, 1)
    assert place["fallback"][:2] == [
        "RESHAPE (Tensor dimensions must be less than 5. u)",
        "TRANSPOSE (Permutation for transpose is invalid)",
    ]
    assert place["fallback"][2:] == ["operator that these cut off"] * 3


def test_a_driver_that_crashes_is_a_sentence(
    small: Path, drivers: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("crash")
    report = verified(small / "tiny" / "tflite-float.tflite", capsys, code=7)
    (row,) = report["not_run"]
    assert "the GPU (driver crash) was killed by SIGSEGV" in row["reason"]
    assert report["targets"] == []


@pytest.mark.parametrize(
    ("kinds", "taken"),
    [
        (("gpu", "processor"), "Mali-G715"),
        (("nothing", "processor"), "llvmpipe"),
        (("processor", "processor"), "llvmpipe"),
    ],
)
def test_a_gpu_of_the_machine_goes_before_the_software_driver(
    kinds: tuple[str, ...], taken: str, small: Path, drivers: Setting
) -> None:
    drivers(*kinds)
    device = find_device("gpu")
    assert isinstance(device, GpuDevice)
    session = device.open(small / "tiny" / "tflite-float.tflite", 1)
    assert taken in str(session.identity)
    session.close()


def test_a_driver_that_finds_no_gpu_says_how_to_get_one(small: Path, drivers: Setting) -> None:
    drivers("nothing")
    device = find_device("gpu")
    assert isinstance(device, GpuDevice)
    with pytest.raises(DeviceError, match=r"no GPU by driver nothing\. Run `edge-imgq doctor"):
        device.open(small / "tiny" / "tflite-float.tflite", 1)


def test_a_node_that_leaves_float16_is_named(
    loud: Path, drivers: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("processor")
    (target,) = verified(loud, capsys, code=1)["targets"]
    first = target["gpu"]["beyond"][0]
    assert first["tensor"].startswith("calm")  # the convolution has taken the product in
    assert 65504 < first["largest"] < 1e6
    said = f"leaves float16, in which phones' GPUs compute: '{first['tensor']}' reaches"
    assert any(said in breach for breach in target["breaches"])


def test_an_operator_that_is_computed_wrongly_is_named(
    small: Path, drivers: Setting, tmp_path: Path
) -> None:
    drivers("processor")
    file = small / "tiny" / "tflite-float.tflite"
    copy, wrong = tampered(file, tmp_path)
    session = opened(copy)
    found = first_wrong(session, noise(session), 90, True, file)
    assert isinstance(found, WrongOperator)
    assert found.tensor == wrong
    assert found.psnr < 40
    none = first_wrong(session, noise(session), 90, True)
    assert isinstance(none, Skipped)
    assert re.fullmatch(r"no operator is wrong \(\d+ tensors compared.*\)", none.reason)
    session.close()


def test_a_doubtful_file_is_bisected_without_being_asked(
    small: Path, drivers: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("wrong")
    file = small / "tiny" / "tflite-float.tflite"
    (target,) = verified(file, capsys, code=1)["targets"]
    assert target["gpu"]["float32"] < 90
    assert any("is the first that is wrong" in breach for breach in target["breaches"])


def test_what_was_seen_is_said_where_no_operator_is_wrong(small: Path) -> None:
    tensors = computed_tensors(small / "tiny" / "tflite-float.tflite")
    equal = {tensor.index: HIGHEST for tensor in tensors}
    same = none_wrong(tensors, equal, 90, in_float32=True)
    assert same.reason.endswith("compared in float32, all as on this host)")
    first = tensors[0]
    for psnr, words in ((128.04, ""), (72.0, " by itself: they make small differences large")):
        found = none_wrong(tensors, {**equal, first.index: psnr}, 90, in_float32=False)
        assert found.reason == (
            f"no operator is wrong{words} ({len(tensors)} tensors compared in float16; the largest "
            f"difference is that of {first.operator} '{first.name}', {psnr:.1f} dB against this "
            "host's)"
        )


def test_the_table_says_that_no_operator_is_wrong(
    small: Path, drivers: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("processor")
    file = str(small / "tiny" / "tflite-float.tflite")
    assert main(["verify", file, "--device", "gpu", "--bisect"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"tflite-float: bisect: no operator is wrong \(\d+ tensors compared", said)
    main(["verify", file, "--device", "gpu"])
    out, err = capsys.readouterr()
    assert "bisect" not in out
    assert "time tflite-float" not in err  # nothing is timed


def test_parts_are_what_the_file_computes(small: Path, tmp_path: Path) -> None:
    file = small / "tiny" / "tflite-float.tflite"
    tensors = computed_tensors(file)
    part = tmp_path / "part.tflite"
    image = np.random.default_rng(1).random((1, 48, 64, 3)).astype(np.float32)
    known = gpu_bisect.open_keeping_tensors(file)
    known.set_tensor(known.get_input_details()[0]["index"], image)
    known.invoke()
    for one in tensors:
        write_submodel(file, part, (one.index,))
        (found,) = _run(part, image)
        np.testing.assert_array_equal(found, known.get_tensor(one.index))
    one = next(one for one in tensors[1:] if len(one.inputs) == 1)
    write_submodel(file, part, (one.index,), one.inputs)
    (found,) = _run(part, known.get_tensor(one.inputs[0]))
    np.testing.assert_array_equal(found, known.get_tensor(one.index))


def _run(path: Path, values: Any) -> list[Any]:
    from tests.devices.gpu.stand_in import run

    return run(str(path), values, in_float32=True)


def test_the_log_of_a_file_that_is_taken_whole() -> None:
    found = read_log(
        f"x Selected adapter: {PROCESSOR}\ny Initializing WebGPU-based API from graph."
    )
    assert found.adapter == "llvmpipe (LLVM 15.0.6, 256 bits)"
    assert found.is_processor
    assert (found.delegated, found.remaining, found.refused, found.partitions) == (None, 0, (), 1)
    place = gpu.placement_of(found, 16, whole=True)
    assert (place.operators, place.delegated, place.partitions) == (16, 16, 1)


def test_the_log_of_a_file_of_which_nothing_is_taken() -> None:
    found = read_log(
        f"x Selected adapter: {PROCESSOR}\n{REFUSALS.split('7 op')[0]}DEQUANTIZE:\n"
        "No operations will run on the GPU, and all 3 operations will run on the CPU.\n"
    )
    place = gpu.placement_of(found, 3, whole=False)
    assert (place.operators, place.delegated, place.partitions) == (3, 0, 0)
    assert place.fallback[2] == "DEQUANTIZE"
    assert len(place.fallback) == 3


def test_the_distance_of_tensors() -> None:
    one = np.array([0, 100, -200], np.float32)
    assert psnr_of(one, one) == HIGHEST
    assert psnr_of(one, one + 2) == pytest.approx(40)
    assert psnr_of(one, np.array([0, np.inf, 0], np.float32)) == 0


def exported(
    folder: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, Any]]:
    """Export a small network for GPUs; return the exit code and the target in the report."""
    onnx.save(tiny_model(), folder / "tiny.onnx")
    capsys.readouterr()
    command = ["export", str(folder / "tiny.onnx"), "--target", "tflite-gpu", "tflite-float"]
    code = main([*command, "--size", "120x160", "--no-bench", "--output", str(folder), *words])
    report = json.loads((folder / "tiny" / "report.json").read_text())
    found = {target["target"]: target for target in report["targets"]}
    assert "skipped" in found["tflite-float"]["gpu"]
    return code, found["tflite-gpu"]


def test_an_export_runs_a_tile_of_what_is_for_gpus(
    drivers: Setting, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("processor")
    code, target = exported(tmp_path, capsys)
    assert code == 0
    assert target["gpu"]["size"] == [96, 96]
    assert target["gpu"]["float32"] > 90
    assert "astronaut 96x96" in " ".join(capsys.readouterr().out.split())


def test_an_export_goes_on_without_drivers_and_where_one_crashes(
    drivers: Setting, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("crash")
    code, target = exported(tmp_path, capsys)
    assert code == 0
    assert "was killed by SIGSEGV" in target["gpu"]["skipped"]
    drivers()
    code, target = exported(tmp_path, capsys)
    assert code == 0
    assert "there is no Vulkan driver" in target["gpu"]["skipped"]
    text = " ".join(capsys.readouterr().out.split())
    assert re.search(r"not measured: .*GPU: there is no Vulkan driver.* \(tflite-gpu\)", text)


def test_an_export_whose_gpu_is_wrong_is_over_budget_and_names_the_operator(
    drivers: Setting, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drivers("wrong")
    code, target = exported(tmp_path, capsys)
    assert code == 1
    (said,) = target["breaches"]
    assert re.search(r"with float32 enforced, which no rounding explains\. CONV_2D '\w+", said)
