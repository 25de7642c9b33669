"""`enhance` as a person runs it, with every kind of model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from edge_imgq.images.files import read_rgb
from tests.cli.conftest import Run
from tests.small_models import whole_model


@pytest.fixture
def photo(photos: Path) -> Path:
    return photos / "evaluation" / "chelsea.png"


@pytest.mark.parametrize("file", ["onnx-float.onnx", "onnx-int8.onnx", "tflite-float.tflite"])
def test_every_exported_format_runs_and_agrees_with_the_users_own_model(
    run: Run, tiny: Path, exported: Path, photo: Path, tmp_path: Path, file: str
) -> None:
    assert run("enhance", photo, "--model", tiny, "-o", tmp_path / "own").code == 0
    outcome = run("enhance", photo, "--model", exported / file, "-o", tmp_path / "file", "--json")
    assert outcome.code == 0, outcome.err
    (written,) = json.loads(outcome.out)
    assert written["size"] == [60, 80]
    own, other = (read_rgb(tmp_path / name / "chelsea.png") for name in ("own", "file"))
    assert np.abs(own.astype(int) - other).max() <= 2


def test_a_phone_file_without_its_reference_still_runs(
    run: Run, exported: Path, photo: Path, tmp_path: Path
) -> None:
    alone = shutil.copy(exported / "tflite-int8.tflite", tmp_path / "alone.tflite")
    outcome = run("enhance", photo, "--model", alone, "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert f"{tmp_path / 'out' / 'chelsea.png'} (60 high, 80 wide)" in outcome.out


def test_a_raw_model_s_pixels_can_be_said(run: Run, photo: Path, tmp_path: Path) -> None:
    """A network that adds 1 to pixels from 0 to 255 whitens those that it takes for 0 to 1."""
    onnx.save(adding_one(), tmp_path / "plus.onnx")
    words = ("enhance", photo, "-m", tmp_path / "plus.onnx", "-o")
    assert run(*words, tmp_path / "bytes", "--range", "255").code == 0
    assert run(*words, tmp_path / "unit").code == 0
    before, after, white = (
        read_rgb(path).astype(int)
        for path in (photo, tmp_path / "bytes/chelsea.png", tmp_path / "unit/chelsea.png")
    )
    assert np.array_equal(after, np.minimum(before + 1, 255))
    assert white.min() == 255


def test_a_model_that_seems_to_want_other_pixels_is_told_with_the_option(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    """Pixels from 0 to 1 are all below 5, so that the network makes everything 5: white."""
    onnx.save(lifting(), tmp_path / "lifting.onnx")
    words = ("enhance", photo, "-m", tmp_path / "lifting.onnx", "-o", tmp_path / "out")
    outcome = run(*words)
    assert outcome.code == 0
    assert "lifting: with pixels from 0 to 1 its image is nothing like" in outcome.err
    assert "with 0 to 255 it is (0 off)" in " ".join(outcome.err.split())
    assert "say --range 255." in outcome.err
    assert run(*words, "--range", "255").err.count("--range") == 0
    exported = run(
        *("export", tmp_path / "lifting.onnx", "--target", "onnx-float", "--size", "48x64"),
        *("--images", photo.parent, "--output", tmp_path / "artifacts"),
    )
    assert "say --range 255." in exported.out
    evaluated = run("evaluate", tmp_path / "lifting.onnx", "--set", photo.parent, "--task", "jpeg")
    assert "say --range 255." in evaluated.err


def test_a_range_is_refused_where_every_network_says_its_own(
    run: Run, exported: Path, photo: Path, tmp_path: Path
) -> None:
    """As --bind is; beside a raw model, which takes it, the others have no say."""
    out, raw = tmp_path / "out", tmp_path / "plus.onnx"
    onnx.save(adding_one(), raw)
    tflite, ours = exported / "tflite-int8.tflite", exported / "onnx-float.onnx"
    for words in (
        ("enhance", photo, "--model", tflite, "-o", out),
        ("enhance", photo, "--model", ours, "-o", out),
        ("enhance", photo, "--model", "fsrcnn-s-x2", "-o", out),
        ("evaluate", "fsrcnn-s-x2", "--set", photo.parent),
        ("export", "fsrcnn-s-x2", "--target", "onnx-float", "--output", out),
        ("export", ours, "--target", "onnx-float", "--output", out),
    ):
        refused = run(*words, "--range", "255")
        assert refused.code == 2
        assert "states its own pixel range: leave --range out" in refused.err
    mixed = ("enhance", photo, "--model", raw, "fsrcnn-s-x2", "-o", out, "--range", "255")
    assert run(*mixed).code == 0


def test_a_folder_in_a_model_s_place_is_told_with_a_file_of_it(
    run: Run, exported: Path, photo: Path, tmp_path: Path
) -> None:
    outcome = run("enhance", photo, "--model", exported, "-o", tmp_path / "out")
    said = " ".join(outcome.err.split())
    assert outcome.code == 2
    assert f"{exported.name} is a folder: name a file in it, such as {exported}" in said
    outcome = run("export", exported, "--target", "onnx-float", "--output", tmp_path / "out")
    assert "is a folder: name a file in it, such as" in " ".join(outcome.err.split())
    (tmp_path / "empty").mkdir()
    outcome = run("export", tmp_path / "empty", "--output", tmp_path / "out")
    assert "is a folder: name a file, or a network" in " ".join(outcome.err.split())


def test_a_photograph_that_does_not_show_the_wrong_range_hides_it_from_no_command(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    """The network that whitens what is from 0 to 1 is tried on a white image first."""
    onnx.save(lifting(), tmp_path / "lifting.onnx")
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (64, 48), "white").save(photos / "a.png")
    shutil.copy(photo, photos / "b.png")
    model, out = tmp_path / "lifting.onnx", tmp_path / "out"
    exported = run(
        *("export", model, "--target", "onnx-float", "--size", "48x64"),
        *("--images", photos, "--output", out, "--no-bench"),
    )
    verdict, _, rest = exported.out.partition("! lifting: with pixels from 0 to 1")
    assert "onnx-float  FAIL" in verdict
    assert "over budget:" in rest
    stored = json.loads((out / "lifting" / "report.json").read_text())
    assert "say --range 255." in stored["range_warning"]
    assert "say --range 255." in run("enhance", photos, "-m", model, "-o", out).err
    words = ("evaluate", model, "--set", photos, "--task", "jpeg")
    assert "say --range 255." in run(*words).err


def test_a_model_of_pixels_from_minus_one_is_told_so(run: Run, photo: Path, tmp_path: Path) -> None:
    """A network that drives contrast up around 0: with pixels from 0 to 1 all becomes white."""
    nodes = [
        helper.make_node("Mul", ["image", "two"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("Mul", ["b", "half"], ["out"]),
    ]
    constants = {"two": np.full((1, 3, 1, 1), 9, np.float32), "half": np.float32([0.9])}
    onnx.save(whole_model(nodes, constants), tmp_path / "tanh.onnx")
    outcome = run("enhance", photo, "-m", tmp_path / "tanh.onnx", "-o", tmp_path / "out")
    assert "say --range=-1,1." in outcome.err


@pytest.mark.parametrize("last", ["Tanh", "Identity"])
def test_a_model_of_another_style_that_ends_from_minus_one_is_told_so(
    run: Run, photo: Path, tmp_path: Path, last: str
) -> None:
    """A negative image is far from the photograph, whatever range its pixels have."""
    nodes = [
        helper.make_node("Mul", ["image", "less"], ["a"]),
        helper.make_node(last, ["a"], ["out"]),
    ]
    less = np.full((1, 3, 1, 1), -2, np.float32)
    onnx.save(whole_model(nodes, {"less": less}), tmp_path / "style.onnx")
    outcome = run("enhance", photo, "-m", tmp_path / "style.onnx", "-o", tmp_path / "out")
    assert ("last operator is Tanh" in outcome.err) == (last == "Tanh")
    assert ("say --range=-1,1." in outcome.err) == (last == "Tanh")


@pytest.mark.parametrize("last", ["Tanh", "Identity"])
def test_a_tanh_at_the_end_tells_of_minus_one_though_the_image_resembles_the_photograph(
    run: Run, photo: Path, tmp_path: Path, last: str
) -> None:
    nodes = [
        helper.make_node("Mul", ["image", "more"], ["a"]),
        helper.make_node(last, ["a"], ["out"]),
    ]
    more = np.full((1, 3, 1, 1), 1.2, np.float32)
    onnx.save(whole_model(nodes, {"more": more}), tmp_path / "sharper.onnx")
    outcome = run("enhance", photo, "-m", tmp_path / "sharper.onnx", "-o", tmp_path / "out")
    assert ("its last operator is Tanh" in outcome.err) == (last == "Tanh")
    assert ("say --range=-1,1." in outcome.err) == (last == "Tanh")


def test_a_model_that_wants_0_to_1_gets_no_hint(
    run: Run, tiny: Path, photo: Path, tmp_path: Path
) -> None:
    outcome = run("enhance", photo, "-m", tiny, "-o", tmp_path / "out")
    assert "--range" not in outcome.err


def lifting() -> onnx.ModelProto:
    """Return a network that lets nothing be darker than 5 levels of 255."""
    nodes = [
        helper.make_node("Sub", ["image", "five"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Add", ["b", "five"], ["out"]),
    ]
    return whole_model(nodes, {"five": np.full((1, 3, 1, 1), 5, np.float32)})


def adding_one() -> onnx.ModelProto:
    nodes = [helper.make_node("Add", ["image", "one"], ["out"])]
    return whole_model(nodes, {"one": np.ones((1, 3, 1, 1), np.float32)})


def test_the_format_can_be_chosen(run: Run, tiny: Path, photo: Path, tmp_path: Path) -> None:
    assert run("enhance", photo, "-m", tiny, "-o", tmp_path, "--format", "jpg").code == 0
    with Image.open(tmp_path / "chelsea.jpg") as image:
        assert image.format == "JPEG"


def test_what_is_no_photograph_is_named_and_the_others_are_done(
    run: Run, tiny: Path, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("no image")
    words = (tmp_path / "notes.png", photo)
    outcome = run("enhance", *words, "--model", tiny, "-o", tmp_path / "out")
    assert outcome.code == 4
    assert "left out: " in outcome.err
    assert "notes.png is not an image" in outcome.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["chelsea.png"]


def test_without_any_photograph_no_model_is_opened(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no image")
    outcome = run("enhance", tmp_path / "notes.png", "-m", "no-network", "-o", tmp_path / "out")
    assert outcome.code == 4
    assert "notes.png is not an image" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_truncated_photograph_is_named_and_the_others_are_done(
    run: Run, tiny: Path, photo: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(photo.read_bytes()[:-3000])
    outcome = run("enhance", broken, photo, "--model", tiny, "-o", tmp_path / "out")
    assert outcome.code == 4
    assert "broken.png" in outcome.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["chelsea.png"]


def test_a_photograph_smaller_than_the_receptive_field_is_named(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (16, 40)).save(tmp_path / "thumbnail.png")
    outcome = run("enhance", tmp_path / "thumbnail.png", "-m", "fsrcnn-x2", "-o", tmp_path / "out")
    assert outcome.code == 4
    assert "thumbnail.png: the image is 40x16 (height x width)" in outcome.err
    assert "looks at 17x17 pixels" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_photograph_is_never_overwritten(run: Run, tiny: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "photo.png")
    outcome = run("enhance", tmp_path / "photo.png", "-m", tiny, "-o", tmp_path)
    assert outcome.code == 2
    assert "would be overwritten" in outcome.err


def test_two_photographs_of_one_name_are_refused(run: Run, tiny: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (40, 40)).save(tmp_path / name / "photo.png")
    photos = tmp_path / "a" / "photo.png", tmp_path / "b" / "photo.png"
    outcome = run("enhance", *photos, "-m", tiny, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "would both become" in outcome.err


@pytest.mark.parametrize(
    ("model", "code", "sentence"),
    [
        ("fsrcn-x2", 2, "Did you mean 'fsrcnn-x2'"),
        ("gone.onnx", 2, "there is no file or folder gone.onnx"),
        ("gone.tflite", 2, "gone.tflite"),
        ("gone.mlpackage", 2, "gone.mlpackage"),
    ],
)
def test_a_model_that_is_not_there_is_a_sentence(
    run: Run, photo: Path, tmp_path: Path, model: str, code: int, sentence: str
) -> None:
    outcome = run("enhance", photo, "-m", model, "-o", tmp_path / "out")
    assert outcome.code == code, outcome.err
    assert sentence in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_photograph_behind_the_model_is_told_where_it_belongs(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    outcome = run("enhance", "--model", "fsrcnn-x2", photo, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert f"'{photo}' is taken for a model: --model takes every word after it" in outcome.err
    assert f"edge-imgq enhance {photo} --model fsrcnn-x2" in outcome.err
    none = run("enhance", "--model", "fsrcnn-x2", "-o", tmp_path / "out")
    assert (none.code, "IMAGE is missing" in none.err) == (2, True)


def test_a_folder_is_done_and_gone_on_with(
    run: Run, tiny: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("enhance", photos / "evaluation", "-m", tiny, "-o", tmp_path / "out")
    assert run(*words).code == 0
    results = sorted((tmp_path / "out").iterdir())
    names = sorted(path.name for path in (photos / "evaluation").iterdir())
    assert [path.name for path in results] == names
    times = [path.stat().st_mtime_ns for path in results[1:]]
    results[0].unlink()
    again = run(*words, "--resume")
    assert again.code == 0
    assert again.out.count("high") == 1
    assert f"left as they are: {len(names) - 1} results of an earlier run" in again.err
    assert results[0].is_file()
    assert [path.stat().st_mtime_ns for path in results[1:]] == times
    assert f"left as they are: {len(names)} results" in run(*words, "--resume").err


def test_several_at_once_within_a_limit_of_memory_and_a_page(
    run: Run, tiny: Path, photos: Path, tmp_path: Path
) -> None:
    folder, count = photos / "evaluation", len(list((photos / "evaluation").iterdir()))
    words = ("enhance", folder, "-m", tiny, "-o", tmp_path / "out", "--threads", "2")
    assert run(*words).code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    again = run(*words, "--memory", "8G", "--page", tmp_path / "page.html")
    assert again.code == 0, again.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert (tmp_path / "page.html").read_text().count('<div class="pair"') == count
    small = run(*words, "--memory", "1M")
    assert small.code == 4
    assert small.err.count("and --memory allows 1.0 MB") == count
    assert "'1' is not an amount of memory" in run(*words, "--memory", "1").err


def test_a_folder_without_images_is_refused(run: Run, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    outcome = run("enhance", tmp_path / "empty", "-m", tiny, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "holds no image" in outcome.err
