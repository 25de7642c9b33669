"""Phones over adb: the real client against a device endpoint of ours, and everything that fails."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_imgq.cli.main import main
from edge_imgq.devices.find_device import find_device
from edge_imgq.devices.remote import android
from edge_imgq.errors import UsageError
from edge_imgq.skipped import Skipped
from tests.devices.remote.adb_endpoint import Endpoint

pytestmark = [
    pytest.mark.device,
    pytest.mark.skipif(shutil.which("adb") is None, reason="there is no adb client"),
]

Plug = Callable[[str], Endpoint]


def adb(*words: str) -> None:
    subprocess.run(["adb", *words], check=True, capture_output=True, timeout=60)


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give adb a server and keys of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
    adb("kill-server")


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Plug]:
    """Plug in a phone."""
    phones: list[Endpoint] = []

    def plug_in(*faults: str) -> Endpoint:
        phone = Endpoint(tmp_path / f"phone{len(phones)}")
        phones.append(phone)
        phone.faults |= set(faults)
        subprocess.run(["adb", "connect", phone.serial], capture_output=True, timeout=60)
        return phone

    yield plug_in
    for phone in phones:
        phone.vanish()


def verify(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, Any, str]:
    capsys.readouterr()
    code = main(["verify", *map(str, words), "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out) if captured.out else None, captured.err


def on(phone: Endpoint, program: Path) -> tuple[object, ...]:
    return ("--device", f"android:{phone.serial}", "--benchmark-model", program)


def test_drift_is_measured_on_the_phone(
    plug: Plug, small: Path, benchmark_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = plug()
    images = ("--images", small / "evaluation")
    code, report, _ = verify(capsys, small / "tiny", *images, *on(phone, benchmark_model))
    assert code == 0
    assert report["device"] == f"android:{phone.serial}"
    targets = {target["target"]: target for target in report["targets"]}
    assert set(targets) == {"tflite-float", "tflite-int8"}
    int8 = targets["tflite-int8"]
    assert int8["vs_host"]["equal"] == 1
    assert int8["runtime"].startswith("benchmark_model sha256:")
    assert int8["placement"]["fallback"] == ["QUANTIZE", "QUANTIZE"]
    assert int8["placement"]["unit"] == "xnnpack"
    latency = int8["latency"]
    assert latency["device"] == "Stand-in 9, SM8750, Android 15"
    assert latency["conditions"] == "battery 83 %, battery at 29.5 °C, thermal none"
    assert 0 < latency["min_ms"] <= latency["median_ms"] <= latency["p95_ms"]
    assert (latency["delegate"], latency["threads"]) == ("xnnpack", 1)
    assert latency["thermal"] == "battery at 29.5 °C, thermal none"
    assert (latency["size"], latency["disturbed"]) == ([48, 64], False)
    assert latency["p90_ms"] == {
        "skipped": "benchmark_model prints the ninety-fifth percentile instead"
    }
    assert (latency["memory_mb"], latency["runs"], latency["warm_up"]) == (23.4375, 30, 5)
    assert list(phone.shared.iterdir()) == [], "something was left on the phone"
    runs = [command for command in phone.commands if "--output_filepath" in command]
    assert len(runs) == 4, "two photographs, two files"


def test_times_of_two_phones_stand_side_by_side(
    plug: Plug, small: Path, benchmark_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cool, hot = plug(), plug()
    hot.set_state(tenths=471, thermal=3)
    file = small / "tiny" / "tflite-int8.tflite"
    phones = [word for phone in (cool, hot) for word in on(phone, benchmark_model)]
    assert main(["bench", str(file), *map(str, phones), "--runs", "12", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["device"] == f"android:{cool.serial}"
    assert first["latency"]["runs"] == 12
    assert not first["latency"]["disturbed"]
    assert second["device"] == f"android:{hot.serial}"
    assert second["latency"]["conditions"].endswith("battery at 47.1 °C, thermal severe")
    assert second["latency"]["disturbed"]


def test_several_phones_without_a_choice_are_an_error_that_names_them(plug: Plug) -> None:
    phones = plug(), plug()
    with pytest.raises(UsageError) as error:
        find_device("android")
    assert all(f"--device android:{phone.serial}" in str(error.value) for phone in phones)


def test_delegates_become_the_programs_flags(
    plug: Plug, small: Path, benchmark_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = plug()
    file = small / "tiny" / "tflite-float.tflite"
    for delegate, flag in (
        ("gpu", "--use_gpu=true"),
        ("/vendor/lib64/libNpu.so", "--external_delegate_path=/vendor/lib64/libNpu.so"),
    ):
        words = ["bench", file, *on(phone, benchmark_model), "--delegate", delegate]
        assert main([*map(str, words), "--runs", "10"]) == 0
        runs = [command for command in phone.commands if "--graph=" in command]
        assert flag in runs[-1]
    assert main([*map(str, words[:-1]), "turbo"]) == UsageError.exit_code
    assert "There is no delegate 'turbo'" in capsys.readouterr().err


def test_no_phone_is_skipped_with_the_reason(benchmark_model: Path) -> None:
    (presence,) = android.look()
    assert presence.reason.startswith("no phone is attached. Plug in a phone")
    found = find_device("android")
    assert isinstance(found, Skipped)


def test_without_adb_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr("shutil.which", lambda name: None)
        assert "Install Android's platform tools" in android.look()[0].reason


def test_without_the_program_it_says_where_to_get_it(plug: Plug, tmp_path: Path) -> None:
    plug()
    found = find_device("android")
    assert isinstance(found, Skipped)
    assert "bazel build -c opt --config=android_arm64" in found.reason
    assert "EDGE_IMGQ_BENCHMARK_MODEL" in found.reason


def test_an_unauthorised_phone_says_what_to_do_on_it(
    plug: Plug, small: Path, benchmark_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = plug("unauthorized")
    (presence,) = android.look()
    assert (presence.is_available, presence.detail) == (False, "the phone is unauthorized")
    file = small / "tiny" / "tflite-int8.tflite"
    code, report, err = verify(capsys, file, *on(phone, benchmark_model))
    assert code == 7
    assert report["targets"] == []
    assert "Unlock it and allow USB debugging" in err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("vanish", "went away, or cannot be reached"),
        ("full", "has no space left: adb: error: failed to copy"),
        ("kill", "benchmark_model was killed on android:"),
    ],
)
def test_a_failure_on_the_phone_is_reported_and_exits_with_7(
    fault: str,
    said: str,
    plug: Plug,
    small: Path,
    benchmark_model: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    phone = plug(fault)
    images = ("--images", small / "evaluation")
    file = small / "tiny" / "tflite-int8.tflite"
    code, report, err = verify(capsys, file, *images, *on(phone, benchmark_model))
    assert code == 7
    assert report["targets"] == []
    (lost,) = report["not_run"]
    assert lost["file"] == "tflite-int8.tflite"
    assert said in lost["reason"]
    assert said in err
    if fault == "vanish":
        assert "on image" in lost["reason"]
        assert main(["bench", str(file), *map(str, on(phone, benchmark_model))]) == 7
    else:
        assert list(phone.shared.iterdir()) == [], "something was left on the phone"


def test_the_phone_that_stays_is_measured_when_the_other_goes(
    plug: Plug, small: Path, benchmark_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    going, staying = plug("vanish"), plug()
    file = small / "tiny" / "tflite-int8.tflite"
    phones = [word for phone in (going, staying) for word in on(phone, benchmark_model)]
    assert main(["bench", str(file), *map(str, phones), "--json"]) == 7
    first, second = json.loads(capsys.readouterr().out)
    assert "went away" in first["latency"]["skipped"]
    assert second["latency"]["median_ms"] > 0
    assert os.environ["ANDROID_ADB_SERVER_PORT"]
