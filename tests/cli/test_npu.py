"""Files compiled for NPUs through every command, by stand-ins for the compiler and the emulator.

The stand-ins print the lines of ai-edge-litert 2.3.0 and write files of its form; with the extra
`qualcomm`, tests/export/npu has the same done by Qualcomm's own libraries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from edge_imgq.cli.main import main
from edge_imgq.devices.hexagon import device as hexagon
from edge_imgq.devices.hexagon import emulated_npu
from edge_imgq.devices.protocol import Presence
from edge_imgq.errors import ImageError
from edge_imgq.export.npu import compiler
from edge_imgq.recipe.folders import shipped_folder
from edge_imgq.runtime.open import open_session
from tests.cli.conftest import Run
from tests.cli.npu_stand_ins import Emulator, find, write_compiler

CHIPS = ("sm8450", "sm8650", "sm8750")
FILES = ["tflite-npu-fallback", *(f"tflite-npu-{chip}" for chip in CHIPS)]


@pytest.fixture(scope="module", autouse=True)
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    root = write_compiler(tmp_path_factory.mktemp("litert"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "litert_folder", lambda: root)
        patch.setattr(compiler, "find_sdk", find)
        patch.setattr(emulated_npu, "look", lambda: (Presence("hexagon", True, ""),))
        patch.setattr(emulated_npu, "Worker", Emulator.start)
        yield
        Emulator.end()


@pytest.fixture(scope="module")
def quick(exporting: tuple[object, ...]) -> tuple[str, ...]:
    """Return the words of a quick export for NPUs; `--output` is left to the test."""
    words = [str(word) for word in exporting if word not in ("onnx", "tflite")]
    words.insert(words.index("--target") + 1, "tflite-npu")
    return (*words, "--scheme", "int8-fast", "--no-bench")


@pytest.fixture(scope="module")
def written(quick: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("npu")
    assert main([*quick, "--output", str(output)]) == 0
    return output / "tiny"


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def test_each_chip_has_a_file_and_all_others_the_plain_one(written: Path) -> None:
    assert sorted(path.stem for path in written.glob("*.tflite")) == FILES
    targets = {target["target"]: target for target in report_of(written)["targets"]}
    assert list(targets) == FILES
    plain = targets["tflite-npu-fallback"]
    assert plain["runtime"].startswith("LiteRT")
    assert "skipped" in plain["vs_host"]
    for chip in CHIPS:
        target = targets[f"tflite-npu-{chip}"]
        place = target["placement"]
        assert place["operators"] == place["delegated"] == plain["placement"]["operators"] > 3
        assert place["unit"].startswith(f"the NPU of {chip.upper()} (Snapdragon 8")
        assert place["partitions"] == 1
        assert "emulated" in target["runtime"]
        # The stand-in is off by a level in one value of five, and the plain file nowhere.
        assert target["vs_host"]["equal"] == pytest.approx(0.8, abs=0.001)
        assert target["vs_host"]["psnr"] == pytest.approx(48.13 + 6.99, abs=0.01)
        assert target["conversion"]["within_1"] == 1
        assert "skipped" in target["memory"]
        assert target["breaches"] == []


def test_activations_of_16_bits_are_for_chips_and_recommended_where_8_are_coarse(
    run: Run, quick: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_imgq.pipeline.export.write_and_verify.ENOUGH_ON_NPU", 60.0)
    assert "Export the target tflite-npu16" in " ".join(
        run(*quick, "--output", tmp_path).out.split()
    )
    outcome = run(*(w.replace("npu", "npu16") for w in quick), "--output", tmp_path)
    assert "Export the target" not in outcome.out
    for target in report_of(tmp_path / "tiny")["targets"][1:]:
        assert target["vs_host"]["within_1"] > 0.999
    assert (tmp_path / "tiny" / "reference" / "int8-fast-int16.onnx").is_file()


def test_the_report_says_what_the_npu_takes_and_how_far_it_is(run: Run, written: Path) -> None:
    outcome = run("verify", written / "tflite-npu-sm8750.tflite")
    assert outcome.code == 0
    said = " ".join(outcome.out.split())
    assert "operators on the NPU of SM8750 (Snapdragon 8 Elite), in 1 partition" in said
    assert (
        "55.1 dB against its graph on this host (higher is nearer), 79.99% of values equal" in said
    )
    assert "run by ONNX Runtime QNN 0.0.0 (NPU of Snapdragon 8 Elite, emulated)" in said
    assert "its time says nothing about a phone" in said


def test_inspect_says_what_a_compiled_file_is(run: Run, written: Path) -> None:
    outcome = run("inspect", written / "tflite-npu-sm8650.tflite", "--operators")
    assert outcome.code == 0
    said = " ".join(outcome.out.split())
    assert "compiled for the NPU of SM8650 (Snapdragon 8 Gen 3)" in said
    assert "DISPATCH_OP" in said
    assert "MACs per image" not in said
    assert "fixed to its size" in said
    assert run("inspect", written / "tflite-npu-sm8650.tflite", "--json").code == 0


def test_bench_times_no_emulator(run: Run, written: Path) -> None:
    outcome = run("bench", written / "tflite-npu-sm8750.tflite", "--json")
    assert outcome.code == 0
    (row,) = json.loads(outcome.out)
    assert "checks values" in row["latency"]["skipped"]
    assert "compiler" in row["memory"]["skipped"]


def test_enhance_runs_it_in_the_emulator(
    run: Run, written: Path, photos: Path, tmp_path: Path
) -> None:
    photo = next((photos / "evaluation").iterdir())
    model = written / "tflite-npu-sm8750.tflite"
    assert run("enhance", photo, "--model", model, "-o", tmp_path).code == 0
    assert (tmp_path / photo.name).is_file()


def test_check_holds_it_to_a_baseline(run: Run, written: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    report = written / "report.json"
    assert run("check", report, "--baseline", baseline, "--update").code == 0
    assert run("check", report, "--baseline", baseline).code == 0


def test_a_device_with_litert_alone_refuses_it(written: Path) -> None:
    from edge_imgq.runtime import npu_file

    said = npu_file.refusal(written / "tflite-npu-sm8750.tflite")
    assert said.startswith("it is compiled for the NPU of SM8750 (Snapdragon 8 Elite)")
    assert npu_file.refusal(written / "tflite-npu-fallback.tflite") == ""
    assert npu_file.refusal(written / "nothing.tflite") == ""


def test_verify_on_a_device_says_why_it_does_not_run_there(
    run: Run, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hexagon, "look", lambda: (Presence("hexagon", True, ""),))
    outcome = run("verify", written / "tflite-npu-sm8750.tflite", "--device", "hexagon")
    said = " ".join(outcome.out.split())
    assert "it is compiled for the NPU of SM8750 (Snapdragon 8 Elite), and runs there" in said


def test_without_the_emulator_it_says_what_to_install(
    run: Run, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Presence("hexagon", False, "onnxruntime-qnn is not installed", "pip install it")
    monkeypatch.setattr(emulated_npu, "look", lambda: (absent,))
    outcome = run("verify", written / "tflite-npu-sm8750.tflite")
    assert outcome.code == 7
    said = " ".join(outcome.err.split())
    assert "Qualcomm's emulator of it is not here: onnxruntime-qnn is not installed" in said
    outcome = run("verify", written)
    assert outcome.code == 7
    assert "tflite-npu-fallback" in outcome.out


def test_nothing_emulates_the_npu_of_another_vendor(
    run: Run, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (written / "tflite-npu-sm8750.tflite").read_bytes()
    path = tmp_path / "other.tflite"
    path.write_bytes(
        data.replace(b"Qualcomm".ljust(125, b"\0"), b"MediaTek".ljust(125, b"\0")).replace(
            b"SM8750".ljust(125, b"\0"), b"mt6991".ljust(125, b"\0")
        )
    )
    outcome = run("bench", path)
    assert outcome.code == 7
    said = " ".join((outcome.out + outcome.err).split())
    assert "for the NPU of MT6991 (Dimensity 9400), which nothing here emulates" in said


def test_an_image_of_another_size_is_refused(written: Path) -> None:
    session = open_session(written / "tflite-npu-sm8750.tflite")
    with pytest.raises(ImageError, match=r"takes images of \(48, 64, 3\) alone"):
        session.run(np.zeros((48, 66, 3), np.uint8))


def test_a_truncated_file_is_refused(run: Run, written: Path, tmp_path: Path) -> None:
    data = (written / "tflite-npu-sm8750.tflite").read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(data[:-100])
    outcome = run("bench", path)
    assert outcome.code == 5
    assert "truncated" in outcome.err + outcome.out


def test_a_compiler_that_fails_after_it_took_all_operators_leaves_no_file(
    run: Run, quick: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "fails")
    outcome = run(*quick, "--output", tmp_path)
    assert outcome.code == 6
    assert [path.stem for path in (tmp_path / "tiny").glob("*.tflite")] == FILES[:1]
    report = report_of(tmp_path / "tiny")
    assert [failed["target"] for failed in report["failed"]] == FILES[1:]
    count = report["targets"][0]["placement"]["operators"]
    assert report["failed"][0]["reason"] == (
        f"Qualcomm's compiler took {count} of {count} operators for the NPU of SM8450 "
        "(Snapdragon 8 Gen 1), and then failed with exit code 6: could not create op: "
        "q::ForceFormat_Crouton."
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("crashes", r"Snapdragon 8 Gen 1\), and then crashed \(signal 6\)\.$"),
        ("nothing", r"^The NPU of SM8450 \(Snapdragon 8 Gen 1\) takes no operator of the file\.$"),
    ],
)
def test_other_ends_of_a_compiler_have_their_sentence(
    wrong: str, sentence: str, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_imgq.chips import CHIPS as ALL
    from edge_imgq.errors import UnsupportedOperatorError

    monkeypatch.setenv("STAND_IN", wrong)
    path = tmp_path / "compiled.tflite"
    with pytest.raises(UnsupportedOperatorError, match=sentence):
        compiler.compile_for(ALL["qualcomm:sm8450"], written / "tflite-npu-fallback.tflite", path)
    assert not path.exists()


def test_what_the_npu_takes_in_part_is_kept_and_said_not_to_have_run(
    run: Run, quick: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "partial")
    outcome = run(*quick, "--output", tmp_path)
    assert outcome.code == 7
    folder = tmp_path / "tiny"
    assert sorted(path.stem for path in folder.glob("*.tflite")) == FILES
    report = report_of(folder)
    assert [target["target"] for target in report["targets"]] == FILES[:1]
    assert {row["file"] for row in report["not_run"]} == {f"{name}.tflite" for name in FILES[1:]}
    count = report["targets"][0]["placement"]["operators"]
    assert f"takes {count - 1} of {count} operators" in report["not_run"][0]["reason"]
    assert "only a phone can tell" in report["not_run"][0]["reason"]
    outcome = run("inspect", folder / "tflite-npu-sm8750.tflite")
    assert outcome.code == 0
    assert "its compiler left it to the processor" in " ".join(outcome.out.split())


def test_a_chip_whose_compiler_is_not_here_is_said_and_the_others_are_written(
    run: Run, quick: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "export").mkdir()
    text = (shipped_folder("export") / "tflite-npu.toml").read_text()
    text = text.replace('"qualcomm:sm8450", "qualcomm:sm8650"', '"mediatek:mt6991"')
    (tmp_path / "export" / "tflite-npu.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    outcome = run(*quick, "--output", "made")
    assert outcome.code == 7
    folder = tmp_path / "made" / "tiny"
    assert sorted(path.stem for path in folder.glob("*.tflite")) == [FILES[0], FILES[-1]]
    (failed,) = report_of(folder)["failed"]
    assert failed["target"] == "tflite-npu-mt6991"
    assert failed["reason"] == "MediaTek's compiler is not installed here."


def test_a_file_for_each_size_and_chip(quick: tuple[str, ...], tmp_path: Path) -> None:
    words = [word if word != "48x64" else "48x64,32x48" for word in quick]
    assert main([*words, "--output", str(tmp_path)]) == 0
    names = sorted(path.stem for path in (tmp_path / "tiny").glob("*.tflite"))
    assert names == sorted(f"{name}-{size}" for name in FILES for size in ("48x64", "32x48"))


def test_the_files_go_into_an_ai_pack_as_litert_names_it(
    run: Run, quick: tuple[str, ...], tmp_path: Path
) -> None:
    pack = tmp_path / "app"
    outcome = run(*quick, "--output", tmp_path, "--ai-pack", pack)
    assert outcome.code == 0
    assert f"The AI pack is in {pack / 'tiny'}" in outcome.err
    assets = pack / "tiny" / "src" / "main" / "assets"
    groups = {"model#group_other": FILES[0]}
    groups |= {f"model#group_Qualcomm_{chip.upper()}": f"tflite-npu-{chip}" for chip in CHIPS}
    assert {entry.name for entry in assets.iterdir()} == set(groups)
    for group, target in groups.items():
        (file,) = (assets / group).iterdir()
        assert file.name == "tflite-npu.tflite"
        assert file.read_bytes() == (tmp_path / "tiny" / f"{target}.tflite").read_bytes()
    tree = ElementTree.parse(pack / "device_targeting_configuration.xml")
    name = "{http://schemas.android.com/apk/config}"
    found = {
        group.attrib["name"]: {chip.attrib["model"] for chip in group.iter(f"{name}system-on-chip")}
        for group in tree.getroot().iter(f"{name}device-group")
    }
    assert found == {f"Qualcomm_{chip.upper()}": {chip.upper()} for chip in CHIPS}


def test_a_chip_without_a_file_has_no_group_and_all_without_have_no_pack(
    run: Run, quick: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "app"
    (pack / "tiny").mkdir(parents=True)
    monkeypatch.setenv("STAND_IN", "fails")
    outcome = run(*quick, "--output", tmp_path, "--ai-pack", pack)
    assert outcome.code == 6
    assert "There is no AI pack: no chip has a file." in outcome.err
    assert not (pack / "tiny").exists()
    monkeypatch.setenv("STAND_IN", "fails SM8650")
    assert run(*quick, "--output", tmp_path, "--ai-pack", pack).code == 6
    groups = {entry.name for entry in (pack / "tiny" / "src" / "main" / "assets").iterdir()}
    assert groups == {
        "model#group_other", "model#group_Qualcomm_SM8450", "model#group_Qualcomm_SM8750"
    }  # fmt: skip
    assert "SM8650" not in (pack / "device_targeting_configuration.xml").read_text()


def test_a_pack_without_a_target_for_npus_is_refused_at_once(
    run: Run, tiny: Path, tmp_path: Path
) -> None:
    outcome = run("export", tiny, "--target", "tflite-int8", "--ai-pack", tmp_path)
    assert outcome.code == 2
    assert "Name one that does: --target tflite-npu." in outcome.err


def test_a_bundle_takes_the_plain_file_and_no_compiled_one(
    run: Run, written: Path, tmp_path: Path
) -> None:
    outcome = run("bundle", written, "-o", tmp_path / "all")
    assert outcome.code == 5
    assert "is compiled for the NPU of SM8450 (Snapdragon 8 Gen 1)" in outcome.err
    assert not (tmp_path / "all").exists()
    words = ("bundle", written, "--target", "tflite-npu-fallback", "-o", tmp_path / "plain")
    assert run(*words).code == 0
