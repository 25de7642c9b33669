"""Gains of repairs are computed once and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import assessment
from edge_imgq.models.measures import REPAIRS


def test_kept_gains_are_read_and_others_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = np.random.default_rng(1).integers(0, 256, (32, 40, 3), np.uint8)
    degraded = photo // 2
    asked: list[str] = []

    def restored(pixels: np.ndarray, name: str, network: object) -> np.ndarray:
        asked.append(name)
        return photo if name == "dped-slim" else pixels

    monkeypatch.setattr(assessment, "repaired", restored)
    first = assessment.KeptGains(tmp_path / "gains.json").of(photo, degraded)
    assert asked == list(REPAIRS)
    assert first["dped-slim"] > 20
    assert first["denoise-slim"] == 0
    again = assessment.KeptGains(tmp_path / "gains.json")
    assert again.of(photo, degraded) == first
    assert asked == list(REPAIRS), "read from the file"
    again.of(photo, degraded + 1)
    assert asked == list(REPAIRS) * 2


@pytest.mark.parametrize(("name", "scenario"), [("city-clean", "clean"), ("blur", "blurred")])
def test_sets_that_need_no_degradation_are_assessed_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, scenario: str
) -> None:
    photo = np.random.default_rng(1).integers(0, 256, (16, 24, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    monkeypatch.setattr(assessment, "assess_pixels", lambda pixels, name, predict: pixels)
    (case,) = assessment.cases_of(name, tmp_path, 9, None, None, 6)
    assert (case.scenario, case.gains) == (scenario, {})
    assert (case.found == photo).all()
