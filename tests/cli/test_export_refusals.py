"""Bad images, models, names and folders are sentences, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from edge_imgq.images.files import read_rgb
from edge_imgq.recipe.folders import shipped_folder
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from tests.cli.conftest import Run
from tests.small_models import tiny_model, whole_model


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
    line = 1 + text[: text.index("size =")].count("\n")
    assert f"mine.toml, line {line}: unknown key 'sizes'. Did you mean 'size'?" in outcome.err


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
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def test_an_output_that_is_a_file_exits_with_8(
    run: Run, exporting: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("mine")
    outcome = run(*exporting, "--output", tmp_path / "out")
    assert outcome.code == 8, outcome.err
    assert "is a file, not a folder" in outcome.err
    assert (tmp_path / "out").read_text() == "mine"


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
