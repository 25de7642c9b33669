"""What layers cost is shown where it is of the same float model and scales, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_imgq.pipeline.sensitivity.known_sensitivity import known_sensitivity
from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
from edge_imgq.report.json_form import sensitivity_to_json
from edge_imgq.report.sensitivity import Sensitivity
from edge_imgq.skipped import Skipped

LAYER = LayerCost("conv1", "Conv", "int8", 57.3, 0.4, 0.3, 0.64, "b")
FOUND = Sensitivity("m", "0.1", "int8", "8 images", 58.1, (LAYER,), "a" * 64, "b" * 64, "c" * 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sensitivity.json").write_text(sensitivity_to_json(FOUND))
    return tmp_path


def test_it_is_read_back_where_it_is_of_the_files(folder: Path) -> None:
    assert known_sensitivity(folder, "a" * 64, "b" * 64) == FOUND
    assert known_sensitivity(folder, "a" * 64) == FOUND
    assert known_sensitivity(folder / "elsewhere", "a" * 64) is None


def test_of_another_model_or_other_scales_it_is_not_shown(folder: Path) -> None:
    for digests, words in (
        (("0" * 64, "b" * 64), "is of another float model than the files"),
        (("a" * 64, "0" * 64), "is of other calibration images than the files"),
    ):
        found = known_sensitivity(folder, *digests)
        assert isinstance(found, Skipped)
        assert words in found.reason
        assert "run `edge-imgq sensitivity` again" in found.reason


def test_of_an_edge_imgq_that_kept_no_digests_it_is_not_shown(folder: Path) -> None:
    path = folder / "sensitivity.json"
    values = json.loads(path.read_text())
    del values["reference_sha256"]
    path.write_text(json.dumps(values))
    found = known_sensitivity(folder, "a" * 64)
    assert isinstance(found, Skipped)
    assert "of another edge-imgq" in found.reason
