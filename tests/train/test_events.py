"""Event files for TensorBoard."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.errors import RuntimeUnavailableError
from edge_imgq.images.files import write_image
from edge_imgq.train.config import TrainConfig
from edge_imgq.train.loop import train
from edge_imgq.train.schedule import Schedule


def config(folder: Path) -> TrainConfig:
    (folder / "photos").mkdir()
    pixels = np.random.default_rng(8).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    write_image(folder / "photos" / "0.png", pixels)
    schedule = Schedule(steps=6, batch=1, patch=16, learning_rate=1e-3)
    photos, output = folder / "photos", folder / "run"
    return TrainConfig(
        "fsrcnn-x2", (photos,), output, schedule, None, photos, validate_every=2, tensorboard=True
    )


def test_tensorboard_reads_the_curves_of_the_log(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    result = train(config(tmp_path), lambda progress: None)
    folder = result.checkpoint.parent
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    curves = accumulators.EventAccumulator(str(folder))
    curves.Reload()
    points = curves.Scalars("validation PSNR, dB")
    assert [point.step for point in points] == [2, 4, 6]
    wanted = [line["validation_psnr"] for line in lines]
    assert [point.value for point in points] == pytest.approx(wanted, rel=1e-6)


def test_a_missing_package_is_a_sentence_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(RuntimeUnavailableError, match="pip install tensorboard"):
        train(config(tmp_path), lambda progress: None)
