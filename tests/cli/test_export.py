"""export, verify, bench and check on a tiny network, as a person runs them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from edge_imgq.images.files import read_rgb
from edge_imgq.recipe.folders import export_recipes, select, shipped_folder
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from edge_imgq.report.json_form import read_reports
from tests.cli.conftest import Run, tiny_model, whole_model

FILES = [
    "onnx-float.onnx", "onnx-int8.onnx",
    "tflite-float.tflite", "tflite-gpu.tflite", "tflite-int8.tflite",
]  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_export_writes_the_files_their_references_and_a_report(shared_export: Path) -> None:
    assert names(shared_export) == sorted([*FILES, "reference", "report.json"])
    assert names(shared_export / "reference") == ["float.onnx", "int8.onnx", "original.onnx"]
    (report,) = read_reports(shared_export)
    assert [target.file for target in report.targets] == FILES
    assert report.model == "tiny"
    assert report.parameters == 8 * 27 + 24


def test_json_is_alone_on_stdout_and_equals_the_written_report(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    outcome = run(*exporting, "--output", tmp_path, "--json")
    assert json.loads(outcome.out) == json.loads((tmp_path / "tiny" / "report.json").read_text())
    assert "\nverify: " in outcome.err


def test_the_table_is_printed_and_fits_80_columns(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    outcome = run(*exporting, "--output", tmp_path)
    assert outcome.code == 0, outcome.err
    assert all(f"\n{Path(file).stem} " in outcome.out for file in FILES)
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_a_second_export_replaces_the_first(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    run(*exporting, "--output", tmp_path)
    assert run(*exporting, "--output", tmp_path).code == 0
    assert names(tmp_path / "tiny") == sorted([*FILES, "reference", "report.json"])


def test_files_over_budget_are_kept_the_table_printed_and_the_exit_code_1(
    run: Run, exporting: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    run("init", project)
    recipe = project / "export" / "tflite-int8.toml"
    recipe.write_text(
        recipe.read_text().replace("psnr_vs_reference = 35.0", "psnr_vs_reference = 99.0")
    )
    monkeypatch.chdir(project)
    outcome = run(*exporting, "--output", "out")
    assert outcome.code == 1
    assert "edge-imgq: over budget: tflite-int8\n" in outcome.err
    assert "\ntflite-int8 !" in outcome.out
    assert (outcome.out + outcome.err).count("the budget asks for 99") == 1
    assert (project / "out" / "tiny" / "tflite-int8.tflite").exists()


def test_verify_measures_what_export_measured(run: Run, exported: Path, photos: Path) -> None:
    outcome = run("verify", exported, "--images", photos / "evaluation", "--json")
    assert outcome.code == 0, outcome.err
    again = json.loads(outcome.out)
    first = json.loads((exported / "report.json").read_text())
    for before, after in zip(first["targets"], again["targets"], strict=True):
        for key in ("target", "sha256", "vs_reference", "quantization", "conversion"):
            assert after[key] == before[key]


def test_verify_times_all_files_at_the_size_of_the_phone_files(
    run: Run, exported: Path, photos: Path
) -> None:
    """The ONNX files take any size; their times stand beside those of files of 48x64."""
    outcome = run("verify", exported, "--images", photos / "evaluation", "--json")
    targets = json.loads(outcome.out)["targets"]
    assert {tuple(target["latency"]["size"]) for target in targets} == {(48, 64)}
    assert {tuple(target["memory"]["size"]) for target in targets} == {(48, 64)}


def test_no_bench_times_nothing_and_says_so(
    run: Run, exporting: tuple[object, ...], photos: Path, tmp_path: Path
) -> None:
    outcome = run(*exporting, "--no-bench", "--output", tmp_path)
    assert outcome.code == 0, outcome.err
    assert "ms: not timed: --no-bench (onnx-float, " in " ".join(outcome.out.split())
    assert "time tflite-int8" not in outcome.err
    options = ("--no-bench", "--json", "--images", photos / "evaluation")
    found = json.loads(run("verify", tmp_path / "tiny", *options).out)
    skipped = {"skipped": "not timed: --no-bench"}
    assert [target["latency"] for target in found["targets"]] == [skipped] * len(FILES)


def test_verify_refuses_a_file_beside_another_reference(
    run: Run, exported: Path, tmp_path: Path, photos: Path
) -> None:
    model = tmp_path / "other.onnx"
    onnx.save(tiny_model(weight=1.01), model)
    run(
        *("export", model, "--size", "48x64", "--target", "onnx-float", "--output", tmp_path),
        *("--images", photos / "evaluation", "--calibration", photos / "calibration"),
    )
    (exported / "reference" / "float.onnx").write_bytes(
        (tmp_path / "other" / "reference" / "float.onnx").read_bytes()
    )
    outcome = run("verify", exported / "tflite-int8.tflite")
    assert outcome.code == 5
    assert "was not made from" in outcome.err


def test_bench_times_every_file_and_says_where(run: Run, exported: Path) -> None:
    outcome = run("bench", exported, "--runs", 10, "--threads", 2, "--json")
    timings = json.loads(outcome.out)
    assert [Path(timing["file"]).name for timing in timings] == FILES
    for timing in timings:
        latency = timing["latency"]
        assert 0 < latency["min_ms"] <= latency["median_ms"] <= latency["p90_ms"]
        assert latency["threads"] == 2
        assert 10 <= latency["runs"] + latency["left_out"] <= 30
        assert latency["device"].startswith("host: ")
        assert latency["delegate"] in latency["runtime"]
        assert latency["size"] == [48, 64]
        assert latency["warm_up"] >= 5
        assert latency["noise"] >= 0
        assert "thermal" in latency
        assert latency["disturbed"] is ("not quiet" in latency["conditions"])


def test_bench_times_the_others_where_one_file_is_damaged(run: Run, exported: Path) -> None:
    broken = exported / "tflite-float.tflite"
    broken.write_bytes(broken.read_bytes()[:400])
    outcome = run("bench", exported, "--runs", "5", "--json")
    assert outcome.code == 5
    timings = json.loads(outcome.out)
    reasons = {t["file"]: t["latency"]["skipped"] for t in timings if "skipped" in t["latency"]}
    assert len(timings) == len(FILES)
    assert reasons == {str(broken): f"{broken} is damaged or truncated. Export it again."}
    assert run("bench", broken).code == 5


def test_bench_says_why_a_file_has_no_time_at_another_size(run: Run, exported: Path) -> None:
    fixed = exported / "tflite-int8.tflite"
    outcome = run("bench", fixed, "--runs", 10, "--size", "60x72", "--json")
    assert json.loads(outcome.out)[0]["latency"]["size"] == [60, 72]


def test_check_passes_its_own_baseline_and_catches_drift(
    run: Run, exported: Path, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    assert run("check", exported, "--baseline", baseline).code == 2
    updated = run("check", exported, "--baseline", baseline, "--update")
    assert updated.code == 0
    assert run("check", exported, "--baseline", baseline).code == 0

    report = json.loads((exported / "report.json").read_text())
    del report["targets"][0]
    report["targets"][-1]["vs_reference"]["mean"] -= 5
    (exported / "report.json").write_text(json.dumps(report))
    outcome = run("check", exported, "--baseline", baseline, "--json")
    assert outcome.code == 1
    verdicts = {v["target"]: v["outcome"] for v in json.loads(outcome.out)["verdicts"]}
    assert verdicts == {
        "onnx-float": "regressed",
        "onnx-int8": "pass",
        "tflite-float": "pass",
        "tflite-gpu": "pass",
        "tflite-int8": "regressed",
    }
    assert "vs_reference_mean went from" in run("check", exported, "--baseline", baseline).out


def spoilt(photos: Path, folder: Path, spoil: object) -> Path:
    """Return a copy of the evaluation photographs with one more file."""
    folder.mkdir()
    for path in (photos / "evaluation").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    assert callable(spoil)
    spoil(folder / "spoilt.png")
    return folder


def truncated(path: Path) -> None:
    source = next(path.parent.glob("*.png")).read_bytes()
    path.write_bytes(source[: len(source) // 2])


def small(path: Path) -> None:
    Image.new("RGB", (2, 2)).save(path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (truncated, "spoilt.png is damaged or truncated"),
        (lambda path: path.write_text("not an image"), "spoilt.png is not an image"),
        (lambda path: path.write_bytes(b""), "spoilt.png is not an image"),
        (small, "spoilt.png gives an input of 2x2; the network sees 3x3"),
    ],
)
@pytest.mark.parametrize("option", ["--images", "--calibration"])
def test_a_bad_image_is_named_and_nothing_is_written(
    run: Run,
    exporting: tuple[object, ...],
    photos: Path,
    tmp_path: Path,
    option: str,
    spoil: object,
    sentence: str,
) -> None:
    folder = spoilt(photos, tmp_path / "photos", spoil)
    words = list(exporting)
    other = "--calibration" if option == "--images" else "--images"
    words[words.index(option) + 1] = folder
    words[words.index(other) + 1] = photos / "calibration"
    outcome = run(*words, "--output", tmp_path / "out")
    assert outcome.code == 4, outcome.err
    assert sentence in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_and_an_empty_one_are_sentences(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    gone = run(*exporting, "--images", tmp_path / "gone", "--output", tmp_path / "out")
    assert (gone.code, "there is no file or folder" in gone.err) == (2, True)
    (tmp_path / "empty").mkdir()
    empty = run(*exporting, "--images", tmp_path / "empty", "--output", tmp_path / "out")
    assert (empty.code, "holds no image" in empty.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_images_for_both_purposes_are_refused(
    run: Run, exporting: tuple[object, ...], photos: Path, tmp_path: Path
) -> None:
    outcome = run(*exporting, "--images", photos / "calibration", "--output", tmp_path / "out")
    assert outcome.code == 4
    assert "in the calibration set" in outcome.err


def save(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path


def nan_weights(path: Path) -> Path:
    return save(tiny_model(weight=float("nan")), path)


def half_a_file(path: Path) -> Path:
    contents = tiny_model().SerializeToString()
    path.write_bytes(contents[: len(contents) // 2])
    return path


def text_file(path: Path) -> Path:
    path.write_text("this is no model\n" * 10)
    return path


def five_channels(path: Path) -> Path:
    nodes = [helper.make_node("Relu", ["image"], ["out"])]
    return save(whole_model(nodes, {}, channels=5), path)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: save(tiny_model(), path), "Say which with --size HxW"),
        (nan_weights, "holds NaN or infinity in the weight 'w1'"),
        (half_a_file, "is not a whole, valid ONNX model"),
        (text_file, "is not a whole, valid ONNX model"),
        (five_channels, "what a photograph becomes there is not known"),
    ],
    ids=["dynamic", "nan", "truncated", "text", "channels"],
)
def test_a_bad_model_is_a_sentence_and_nothing_is_written(
    run: Run, tmp_path: Path, make: object, sentence: str
) -> None:
    assert callable(make)
    model = make(tmp_path / "mine.onnx")
    outcome = run("export", model, "--output", tmp_path / "out")
    assert outcome.code == 5, outcome.err
    assert sentence in outcome.err
    assert not (tmp_path / "out").exists()


def test_every_operator_that_a_target_lacks_is_named_at_once(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    nodes = [
        helper.make_node("Det", ["image"], ["d"], name="first_strange"),
        helper.make_node("Reshape", ["d", "shape"], ["e"]),
        helper.make_node("Hardmax", ["image"], ["f"], name="second_strange"),
        helper.make_node("Add", ["e", "f"], ["out"]),
    ]
    model = whole_model(nodes, {"shape": np.array([1, 3, 1, 1])}, size=(48, 48))
    path = save(model, tmp_path / "strange.onnx")
    words = [path if word == exporting[1] else word for word in exporting]
    words[words.index("48x64")] = "48x48"
    words.remove("onnx")
    outcome = run(*words, "--output", tmp_path / "out")
    assert outcome.code == 6, outcome.err
    assert "Det" in outcome.err
    assert "second_strange" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_network_that_returns_nan_exits_with_9(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    nodes = [helper.make_node("Div", ["image", "zero"], ["out"])]
    model = whole_model(nodes, {"zero": np.zeros((1, 3, 1, 1), np.float32)})
    path = save(model, tmp_path / "broken.onnx")
    words = [path if word == exporting[1] else word for word in exporting]
    words[words.index("onnx")] = "onnx-float"
    words.remove("tflite")
    outcome = run(*words, "--output", tmp_path / "out")
    assert outcome.code == 9, outcome.err
    assert "NaN or infinite" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("export", "fsrcn-x2"), "Did you mean 'fsrcnn-x2'"),
        (
            ("export", "--target", "tflite-int4"),
            "No target is called 'tflite-int4'. Did you mean 'tflite-int8'? Known: ",
        ),
        (("export", "--target", "tflite", "my.onnx"), "'my.onnx' is a model"),
        (("export", "--target", "all", "dped-slim"), "Write the model first"),
    ],
)
def test_a_name_that_does_not_exist_exits_with_2(
    run: Run, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    outcome = run(*words, "--output", tmp_path / "out")
    assert outcome.code == 2
    assert sentence in outcome.err
    assert "stopped after" not in outcome.err  # nothing had begun
    assert not (tmp_path / "out").exists()


def test_a_typo_in_a_recipe_beside_the_person_names_the_key_and_the_nearest(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "export").mkdir()
    text = (shipped_folder("export") / "onnx-float.toml").read_text()
    (tmp_path / "export" / "mine.toml").write_text(text.replace("size =", "sizes ="))
    monkeypatch.chdir(tmp_path)
    outcome = run("export")
    assert outcome.code == 3
    assert "mine.toml: unknown key 'sizes'. Did you mean 'size'?" in outcome.err


def test_a_checkpoint_that_holds_code_is_not_run(run: Run, tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "trapped"),)

    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    outcome = run("export", path, "--output", tmp_path / "out")
    assert outcome.code == 5
    assert "is not a whole checkpoint" in outcome.err
    assert names(tmp_path) == ["checkpoint.safetensors"]


def test_an_output_that_is_a_file_exits_with_8(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("mine")
    outcome = run(*exporting, "--output", tmp_path / "out")
    assert outcome.code == 8, outcome.err
    assert "is a file, not a folder" in outcome.err
    assert (tmp_path / "out").read_text() == "mine"


def test_exporting_one_target_more_leaves_the_others_verifiable(
    run: Run, exported: Path, tiny: Path, photos: Path
) -> None:
    words = ("export", tiny, "--size", "48x64", "--target", "onnx-float")
    sets = ("--calibration", photos / "calibration", "--images", photos / "evaluation")
    assert run(*words, *sets, "--output", exported.parent).code == 0
    again = run("verify", exported / "tflite-int8.tflite", "--images", photos / "evaluation")
    assert again.code == 0, again.err


def test_pictures_of_the_worst_images_are_written_where_asked(
    run: Run, exported: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("--images", photos / "evaluation", "--pictures", tmp_path / "pictures")
    assert run("verify", exported, *words).code == 0
    (report,) = read_reports(exported)
    (int8,) = (t for t in report.targets if t.target == "tflite-int8")
    written = names(tmp_path / "pictures")
    assert f"tiny-tflite-int8-1-{int8.vs_reference.worst_image}.png" in written
    assert [name for name in written if name.startswith("tiny-tflite-int8-")] == sorted(written)[
        -3:
    ]
    assert not any("onnx-float" in name for name in written)
    with Image.open(tmp_path / "pictures" / written[0]) as picture:
        assert picture.mode == "RGB"


def test_export_writes_pictures_too(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    code = run(*exporting, "--output", tmp_path / "out", "--pictures", tmp_path / "pictures").code
    assert code == 0
    assert len(names(tmp_path / "pictures")) >= 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pictures"]


def test_a_copy_of_a_calibration_image_is_refused(run: Run, tiny: Path, tmp_path: Path) -> None:
    pixels = read_rgb(image_path(read_manifest(default_manifest(Path("/nowhere")))[0]))
    for name, part in (("calibration/a.png", pixels), ("evaluation/b.jpg", pixels[31:300, 40:333])):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(part).save(tmp_path / name)
    outcome = run(
        *("export", tiny, "--size", "48x64", "--target", "tflite-int8"),
        *("--calibration", tmp_path / "calibration", "--images", tmp_path / "evaluation"),
        *("--output", tmp_path / "out"),
    )
    assert outcome.code == 4
    assert "b.jpg of the evaluation set shows the same as" in outcome.err
    assert not (tmp_path / "out").exists()


def test_the_folder_of_several_models_stands_for_their_files(
    run: Run, exported: Path, photos: Path
) -> None:
    shutil.copytree(exported, exported.parent / "again")
    words = ("verify", exported.parent, "--images", photos / "evaluation", "--json")
    folders = json.loads(run(*words).out)
    assert [len(report["targets"]) for report in folders] == [5, 5]
    shutil.rmtree(exported.parent / "again")
    timed = json.loads(run("bench", exported.parent, "--runs", "1", "--json").out)
    assert [Path(row["file"]).parent for row in timed] == [exported] * 5


def test_verify_says_where_its_pictures_are(
    run: Run, exported: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("verify", exported / "tflite-int8.tflite", "--images", photos / "evaluation")
    outcome = run(*words, "--pictures", tmp_path / "pictures")
    assert f"The pictures are in {tmp_path / 'pictures'}." in outcome.err
    assert list((tmp_path / "pictures").glob("*.png"))
    same = run("verify", exported / "onnx-float.onnx", *words[2:], "--pictures", tmp_path / "none")
    assert "No pictures: no image differs from the float model's." in same.err


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_what_is_no_exported_file_is_refused(
    run: Run, photos: Path, tmp_path: Path, command: str
) -> None:
    photo = next((photos / "evaluation").iterdir())
    assert run(command, photo).code == 2
    assert f"{photo} is not one of .onnx" in run(command, photo).err
    outcome = run(command, tmp_path)
    assert outcome.code == 2
    assert "nor do the folders in it" in outcome.err


def test_help_names_every_target_that_all_leaves_out(run: Run) -> None:
    recipes = export_recipes()
    left_out = {recipe.name for recipe in recipes} - {r.name for r in select(recipes, ["all"])}
    said = " ".join(run("export", "--help").out.split()).partition("which leaves out ")[2]
    words = said.partition(": name them")[0].split(", ")
    assert left_out == {recipe.name for word in words for recipe in select(recipes, [word])}
