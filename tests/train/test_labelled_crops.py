"""Crops with what they suffered and what repairs would gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

import edge_imgq as eiq
from edge_imgq.errors import ImageError, UsageError
from edge_imgq.images.colour import rgb_to_y
from edge_imgq.images.files import write_image
from edge_imgq.models.measures import MEASURES, REPAIRS, from_outputs
from edge_imgq.models.zoo import load_network
from edge_imgq.train import labelled_crops
from edge_imgq.train.config import TrainConfig, check_config
from edge_imgq.train.labelled_crops import CropSampler, load_crops, luma_psnr, repaired
from edge_imgq.train.loop import train
from edge_imgq.train.objective import MeasuresObjective
from edge_imgq.train.pairs import Recipe
from edge_imgq.train.schedule import default_schedule

PHOTO = data.astronaut()[:240, :260]
NAMES = [measure.name for measure in MEASURES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos")
    write_image(path / "astronaut.png", PHOTO)
    write_image(path / "small.png", PHOTO[:40, :40])
    return path


def values_of(label: np.ndarray) -> dict[str, float]:
    values, _ = from_outputs(np.concatenate([label, label])[None])
    return dict(zip(NAMES, values[0].tolist(), strict=True))


def test_gains_are_those_that_enhance_really_makes(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(labelled_crops, "draw_scenario", lambda rng: ("noise",))
    monkeypatch.setattr(labelled_crops, "REPAIRED", 0.0)
    monkeypatch.setattr(labelled_crops, "SHIFTED", 0.0)
    monkeypatch.setattr(labelled_crops, "GRAY", 0.0)
    crops = load_crops((folder,), Recipe(3), 48)
    assert crops.pixels.shape == (4, 48, 48, 3)
    values = values_of(crops.labels[0])
    assert 2.0 < values["noise"] < 50.0
    assert values["blur"] == 0.0
    assert np.isnan(values["elongation"]), "what is not blurred has no direction"
    assert values["denoise-slim"] > values["dped-slim"]
    assert [one.path.name for one in crops.left_out] == ["small.png"]


def test_psnr_is_that_of_luma_without_the_border() -> None:
    noisy = np.clip(PHOTO + np.random.default_rng(0).normal(0, 20, PHOTO.shape), 0, 255)
    noisy = noisy.astype(np.uint8)
    inside = slice(8, -8)
    truth, image = rgb_to_y(PHOTO)[inside, inside], rgb_to_y(noisy)[inside, inside]
    wanted = peak_signal_noise_ratio(truth, image, data_range=255)
    assert luma_psnr(PHOTO, noisy) == pytest.approx(wanted, abs=0.05)
    assert luma_psnr(PHOTO, PHOTO) == pytest.approx(51.14, abs=0.01)


@pytest.mark.parametrize("name", REPAIRS)
def test_a_repair_is_what_enhance_makes(name: str) -> None:
    photo = np.ascontiguousarray(PHOTO[:160, :168])
    ours = repaired(photo, name, load_network(name)).astype(int)
    assert np.abs(ours - eiq.enhance(photo, name)).max() <= 1


def test_batches_are_crops_in_eight_orientations_with_their_labels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    labels = np.arange(2 * len(MEASURES), dtype=np.float32).reshape(2, -1)
    sampler = CropSampler(labelled_crops.CropSet(pixels, labels, ()), 64)
    batch = sampler.draw(np.random.default_rng(1))
    assert batch.degraded.shape == (64, 3, 8, 8)
    assert batch.truth.shape == (64, len(MEASURES), 1, 1)
    for crop, label in zip(batch.degraded, batch.truth[..., 0, 0], strict=True):
        own = pixels[int(label[0] > 0)]
        assert np.sort(crop, axis=None).tolist() == np.sort(own, axis=None).tolist()


def test_the_loss_is_the_likelihood_of_laplace_and_unknown_measures_do_not_count() -> None:
    torch.manual_seed(0)
    count = len(MEASURES)
    outputs, truth = torch.randn(5, 2 * count) * 0.2, torch.randn(5, count, 1, 1)
    truth[:, 3] = torch.nan
    known = [index for index in range(count) if index != 3]
    laplace = torch.distributions.Laplace(
        outputs[:, :count], torch.exp(4.0 * outputs[:, count:]).clamp(np.exp(-4.0), np.exp(2.0))
    )
    wanted = -laplace.log_prob(truth[..., 0, 0].nan_to_num())[:, known].mean() - np.log(2.0)
    assert float(MeasuresObjective().loss(outputs, truth, 0)) == pytest.approx(
        float(wanted), rel=1e-5
    )


def test_a_run_learns_and_asks_for_no_validation(folder: Path, tmp_path: Path) -> None:
    schedule = default_schedule("assess-slim")
    schedule = type(schedule)(steps=3, batch=4, patch=16, learning_rate=1e-3, warmup=1)
    config = TrainConfig("assess-slim", (folder,), tmp_path, schedule)
    losses: list[float] = []
    result = train(config, lambda progress: losses.append(progress.loss or 0.0))
    assert result.step == 3
    assert result.validation_psnr is None
    with pytest.raises(UsageError, match="no image, so it has no PSNR"):
        check_config(TrainConfig("assess-slim", (folder,), tmp_path, schedule, validation=folder))


def test_photographs_that_are_all_too_small_are_an_error(folder: Path) -> None:
    with pytest.raises(ImageError, match="No usable image"):
        load_crops((folder,), Recipe(1), 160)
