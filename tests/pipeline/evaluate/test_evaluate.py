"""Evaluation by the papers' protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq.errors import ImageError, UsageError
from edge_imgq.images.files import read_rgb, write_image
from edge_imgq.pipeline.evaluate.evaluate import EvaluateRequest, evaluate
from edge_imgq.pipeline.evaluate.paper_protocols import protocol_of
from edge_imgq.report.evaluation import Evaluation
from tests.small_models import whole_model


def measured(model: object, folder: Path, task: str | None = None, **options) -> Evaluation:
    wish = {"levels": (), "sheet": None, "threads": 1, **options}
    request = EvaluateRequest(str(model), folder, task, **wish)
    return evaluate(request, lambda step: None)


def means(evaluation: Evaluation) -> dict[tuple[str, str], float]:
    return {(row.condition, row.method): row.mean.psnr for row in evaluation.rows}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two smooth photographs, colour, odd sides."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(2):
        small = np.random.default_rng(seed).integers(40, 210, (10, 12, 3), dtype=np.uint8)
        write_image(folder / f"{seed}.png", small.repeat(7, axis=0).repeat(7, axis=1)[:69, :83])
    return folder


@pytest.fixture
def copying(tmp_path: Path) -> Path:
    """Return a network on luma that returns its image."""
    path = tmp_path / "copying.onnx"
    nodes = [helper.make_node("Conv", ["image", "w"], ["out"], kernel_shape=[1, 1])]
    onnx.save(whole_model(nodes, {"w": np.ones((1, 1, 1, 1), np.float32)}, channels=1), path)
    return path


@pytest.fixture
def copying_rgb(tmp_path: Path) -> Path:
    """Return a network on RGB that returns its image."""
    path = tmp_path / "copying-rgb.onnx"
    nodes = [helper.make_node("Conv", ["image", "w"], ["out"], kernel_shape=[1, 1])]
    weights = np.eye(3, dtype=np.float32)[..., None, None]
    onnx.save(whole_model(nodes, {"w": weights}, channels=3), path)
    return path


def test_fsrcnn_and_bicubic_have_their_published_figures_on_set5(shared_data: Path) -> None:
    found = means(measured("fsrcnn-x2", shared_data / "Set5"))
    assert found["×2", "bicubic"] == pytest.approx(33.66, abs=0.02)
    assert found["×2", "model"] >= 37.0


def test_a_network_that_copies_scores_what_its_input_scores(copying: Path, photos: Path) -> None:
    evaluation = measured(copying, photos, "jpeg", levels=(10.0, 90.0))
    found = means(evaluation)
    assert found["quality 10", "model"] == found["quality 10", "JPEG"]
    assert found["quality 90", "JPEG"] > found["quality 10", "JPEG"] + 3
    assert [row.better for row in evaluation.rows] == [0.0] * 4
    assert all(row.mean.psnr_b is not None for row in evaluation.rows)
    assert len(evaluation.images) == 2 * 2 * 2


def test_noise_is_seeded_and_as_strong_as_asked_for(copying: Path, photos: Path) -> None:
    first, again = (means(measured(copying, photos, "denoise", levels=(10.0,))) for _ in range(2))
    assert first == again
    assert first["sigma 10", "noisy"] == pytest.approx(20 * np.log10(255 / 10), abs=0.15)
    assert first["sigma 10", "non-local means"] > first["sigma 10", "noisy"] + 3


def test_an_rgb_network_is_judged_on_rgb_where_others_are_on_gray(
    copying_rgb: Path, photos: Path
) -> None:
    found = means(measured(copying_rgb, photos, "denoise", levels=(10.0,)))
    assert found["sigma 10", "model"] == found["sigma 10", "noisy"]
    assert found["sigma 10", "non-local means"] > found["sigma 10", "noisy"] + 3


def test_pairs_are_measured_as_they_are(copying: Path, tmp_path: Path) -> None:
    truth = np.full((40, 40, 3), 100, np.uint8)
    for name, level in (("truth", 0), ("input", 5)):
        (tmp_path / "set" / name).mkdir(parents=True)
        write_image(tmp_path / "set" / name / "a.png", (truth + level).astype(np.uint8))
    (row, *_) = measured(copying, tmp_path / "set", "deblur").rows
    # Five levels of RGB are 5 * 219 / 255 levels of luma, rounded.
    assert row.mean.psnr == pytest.approx(20 * np.log10(255 / 4), abs=1e-6)
    assert row.condition == "pairs"


def test_pairs_of_super_resolution_are_enlarged_by_the_scale_of_the_network(tmp_path: Path) -> None:
    small = np.random.default_rng(3).integers(40, 210, (24, 32, 3), dtype=np.uint8)
    for name, pixels in (("truth", small.repeat(2, axis=0).repeat(2, axis=1)), ("input", small)):
        (tmp_path / "set" / name).mkdir(parents=True)
        write_image(tmp_path / "set" / name / "a.png", pixels)
    found = means(measured("fsrcnn-x2", tmp_path / "set"))
    assert found["pairs", "bicubic"] > 15
    assert found["pairs", "model"] > 15


@pytest.fixture
def noisy_pairs(tmp_path: Path) -> Path:
    """Return a folder of one smooth gray image and the same with noise of sigma 15."""
    generator = np.random.default_rng(7)
    truth = np.repeat(np.linspace(60, 190, 48)[:, None, None], 64, axis=1).repeat(3, axis=2)
    noisy = truth + generator.normal(0, 15, (48, 64, 1))
    for name, pixels in (("truth", truth), ("input", noisy)):
        (tmp_path / "pairs" / name).mkdir(parents=True)
        rounded = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        write_image(tmp_path / "pairs" / name / "a.png", rounded)
    return tmp_path / "pairs"


def test_pairs_have_no_baseline_that_needs_a_level_that_is_not_known(
    copying: Path, noisy_pairs: Path
) -> None:
    found = measured(copying, noisy_pairs, "denoise")
    assert list(means(found)) == [("pairs", "noisy"), ("pairs", "model")]
    assert "non-local means is left out" in found.protocol
    assert "--level" in found.protocol
    assert "seeded" not in found.protocol


def test_non_local_means_gets_the_level_that_is_said_of_pairs(
    copying: Path, noisy_pairs: Path
) -> None:
    right = measured(copying, noisy_pairs, "denoise", levels=(15.0,))
    weak = means(measured(copying, noisy_pairs, "denoise", levels=(2.0,)))
    strong = means(right)
    assert strong["pairs", "non-local means"] > strong["pairs", "noisy"] + 5
    assert strong["pairs", "non-local means"] > weak["pairs", "non-local means"] + 3
    assert "non-local means gets sigma 15" in right.protocol


def test_levels_that_pairs_cannot_have_are_refused(copying: Path, noisy_pairs: Path) -> None:
    with pytest.raises(UsageError, match="give --level once"):
        measured(copying, noisy_pairs, "denoise", levels=(15.0, 25.0))
    with pytest.raises(UsageError, match="leave --level out"):
        measured(copying, noisy_pairs, "jpeg", levels=(10.0,))


def test_photographs_are_said_to_be_made_noisy(copying: Path, photos: Path) -> None:
    found = measured(copying, photos, "denoise", levels=(10.0,))
    assert "Noise seeded by the image's name." in found.protocol


def test_a_broken_file_is_named_and_the_rest_measured(copying: Path, photos: Path) -> None:
    (photos / "broken.png").write_text("no image")
    evaluation = measured(copying, photos, "jpeg")
    assert len(evaluation.left_out) == 1
    assert "broken.png" in evaluation.left_out[0]
    assert {image.image for image in evaluation.images} == {"0", "1"}


def test_nothing_usable_is_an_error(copying: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(ImageError, match=r"could be used: .*a\.png"):
        measured(copying, tmp_path, "jpeg")


def test_a_task_that_nothing_is_known_of_is_asked_for(copying: Path, photos: Path) -> None:
    with pytest.raises(UsageError, match="add --task with one of"):
        measured(copying, photos)
    with pytest.raises(UsageError):
        protocol_of("colourise", 1)


def test_a_sheet_shows_the_images(copying: Path, photos: Path, tmp_path: Path) -> None:
    measured(copying, photos, "jpeg", sheet=tmp_path / "new" / "sheet.png")
    assert read_rgb(tmp_path / "new" / "sheet.png").shape[0] > 3 * 200
