"""Crops with what they suffered and what repairs would gain."""

from __future__ import annotations

import dataclasses
import math
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
from edge_imgq.models.assessor import DegradationNet
from edge_imgq.models.measures import (
    COUNT,
    DETAIL_GAINS,
    MEASURES,
    OF_WHOLE,
    REPAIRS,
    UNCERTAINTIES,
    UNCERTAINTY_RATE,
)
from edge_imgq.models.zoo import load_network
from edge_imgq.train import labelled_crops
from edge_imgq.train.config import TrainConfig, check_config
from edge_imgq.train.labelled_crops import CropSampler, CropSet, load_crops, luma_psnr, repaired
from edge_imgq.train.loop import train
from edge_imgq.train.objective import MeasuresObjective
from edge_imgq.train.pairs import Recipe
from edge_imgq.train.schedule import default_schedule

PHOTO = data.astronaut()[:240, :260]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos")
    write_image(path / "astronaut.png", PHOTO)
    write_image(path / "small.png", PHOTO[:40, :40])
    return path


def values_of(label: np.ndarray) -> dict[str, float]:
    """Return the measures of a label in their units."""
    return {m.name: float(v * m.span + m.centre) for m, v in zip(MEASURES, label, strict=True)}


def test_gains_are_those_that_enhance_really_makes(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(labelled_crops, "draw_scenario", lambda rng: ("noise",))
    monkeypatch.setattr(labelled_crops, "REPAIRED", 0.0)
    monkeypatch.setattr(labelled_crops, "SHIFTED", 0.0)
    monkeypatch.setattr(labelled_crops, "GRAY", 0.0)
    monkeypatch.setattr(labelled_crops, "SAMPLES", 0)
    crops = load_crops((folder,), Recipe(3), 48)
    assert crops.pixels.shape == (4, 48, 48, 3)
    values = values_of(crops.labels[0])
    assert 2.0 < values["noise"] < 50.0
    assert values["blur"] == 0.0
    assert np.isnan(values["elongation"]), "what is not blurred has no direction"
    assert values["detail_gain_denoise-slim"] > values["detail_gain_deblur-slim"]
    assert all(np.isnan(values[name]) for name in OF_WHOLE), "tones are of whole photographs"
    assert [one.path.name for one in crops.left_out] == ["small.png"]


def test_errors_of_detail_are_unknown_where_tones_are_changed(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(labelled_crops, "draw_scenario", lambda rng: ("exposure", "noise"))
    monkeypatch.setattr(labelled_crops, "REPAIRED", 0.0)
    values = values_of(load_crops((folder,), Recipe(3), 48).labels[0])
    assert 2.0 < values["noise"] < 50.0
    assert all(np.isnan(values[name]) for name in ("detail_psnr", *DETAIL_GAINS.values()))


def test_of_samples_only_tones_are_known(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(labelled_crops, "TONES", {"phone": 1.0})
    crops = load_crops((folder,), Recipe(3), 48)
    assert len(crops.pixels) == 4 + labelled_crops.SAMPLES
    for label in crops.labels[4:]:
        values = values_of(label)
        assert {name for name, value in values.items() if np.isfinite(value)} == set(OF_WHOLE)
        assert values["tone_gain_dped-slim"] > 2.0, "what it was trained to mend"
        assert values["tone_psnr"] < 25.0
        assert values["exposure"] < 0.0, "which is dark"


def test_unchanged_tones_have_no_error_of_which_deblurring_could_gain(
    folder: Path, monkeypatch
) -> None:
    monkeypatch.setattr(labelled_crops, "TONES", {})
    for label in load_crops((folder,), Recipe(3), 48).labels[4:]:
        values = values_of(label)
        assert values["tone_psnr"] == pytest.approx(51.14, abs=0.01)
        assert values["exposure"] == 0.0
        assert values["tone_gain_dped-slim"] == pytest.approx(-4.0), "the least that is learned"
        assert np.isnan(values["tone_gain_deblur-slim"])


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


def test_batches_are_the_statistics_of_crops_with_their_labels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), np.uint8)
    labels = np.arange(9 * COUNT, dtype=np.float32).reshape(9, -1)
    network = DegradationNet(COUNT - len(OF_WHOLE), len(OF_WHOLE))
    sampler = CropSampler(CropSet(pixels, labels, ()), network, 16)
    batch = sampler.draw(np.random.default_rng(1))
    assert batch.truth.shape == (16, COUNT, 1, 1)
    # The ninth crop, like the first, is drawn as it is: every eighth is.
    for index in (0, 8):
        image = torch.from_numpy(pixels[index].transpose(2, 0, 1)[None]) / 255
        wanted = network.statistics(image)[0].numpy()
        rows = batch.degraded[batch.truth[:, 0, 0, 0] == labels[index, 0]]
        assert len(rows), "drawn at least once"
        np.testing.assert_allclose(rows, np.broadcast_to(wanted, rows.shape), atol=1e-4)


def test_the_loss_is_errors_and_laplace_likelihood_of_the_measures_that_are_known() -> None:
    torch.manual_seed(0)
    outputs, truth = torch.randn(5, 2 * COUNT) * 0.2, torch.randn(5, COUNT, 1, 1)
    truth[:, 3] = torch.nan
    known = [index for index in range(COUNT) if index != 3]
    estimates, scales = outputs[:, :COUNT], torch.exp(UNCERTAINTY_RATE * outputs[:, COUNT:])
    laplace = torch.distributions.Laplace(estimates, scales.clamp(*map(math.exp, UNCERTAINTIES)))
    wanted = truth[..., 0, 0].nan_to_num()
    errors = (estimates - wanted).abs()
    summed = errors + errors**2 - laplace.log_prob(wanted) - math.log(2.0)
    found = MeasuresObjective().loss(outputs, truth, 0)
    assert float(found) == pytest.approx(float(summed[:, known].mean()), rel=1e-5)


def test_a_large_uncertainty_does_not_slow_an_estimate_down() -> None:
    truth = torch.ones(2, COUNT, 1, 1)
    outputs = torch.zeros(2, 2 * COUNT)
    outputs[1, COUNT:] = 0.4
    outputs.requires_grad_(True)
    MeasuresObjective().loss(outputs, truth, 0).backward()
    assert outputs.grad is not None
    torch.testing.assert_close(outputs.grad[0, :COUNT], outputs.grad[1, :COUNT])
    assert (outputs.grad[0, COUNT:] != outputs.grad[1, COUNT:]).all()


def test_a_run_learns_and_asks_for_no_validation(folder: Path, tmp_path: Path) -> None:
    schedule = default_schedule("assess-slim")
    schedule = type(schedule)(steps=3, batch=4, patch=32, learning_rate=1e-3, warmup=1)
    config = TrainConfig("assess-slim", (folder,), tmp_path, schedule)
    losses: list[float] = []
    result = train(config, lambda progress: losses.append(progress.loss or 0.0))
    assert result.step == 3
    assert result.validation_psnr is None
    small = dataclasses.replace(schedule, patch=16)
    with pytest.raises(UsageError, match="at least 32"):
        check_config(TrainConfig("assess-slim", (folder,), tmp_path, small))
    with pytest.raises(UsageError, match="no image, so it has no PSNR"):
        check_config(TrainConfig("assess-slim", (folder,), tmp_path, schedule, validation=folder))


def test_photographs_that_are_all_too_small_are_an_error(folder: Path) -> None:
    with pytest.raises(ImageError, match="No usable image"):
        load_crops((folder,), Recipe(1), 160)
