"""The estimate, beside published times: how far off it is, and that it says so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edge_imgq.bench.estimate import CHIPS, Chip, roofline
from edge_imgq.cli.main import main
from edge_imgq.report.estimate_table import WARNING
from tests.cli.conftest import exporting, photos, shared_export, tiny  # noqa: F401

PIXELS = 128 * 128
QUICKSRNET = {
    "small": (PIXELS * (3 * 32 + 2 * 32 * 32 + 32 * 48) * 9, (0.270, 0.197, 0.162)),
    "large": (PIXELS * (3 * 64 + 11 * 64 * 64 + 64 * 48) * 9, (0.483, 0.371, 0.331)),
}
"""×4 from 128x128: multiply-accumulates, and AI Hub's milliseconds on CHIPS, in their order."""


def test_the_table_states_how_far_the_estimate_is_from_published_times() -> None:
    ratios = [
        roofline(chip, macs, PIXELS * 3 * 17)[0] / measured
        for macs, times in QUICKSRNET.values()
        for chip, measured in zip(CHIPS.values(), times, strict=True)
    ]
    stated = [float(found) for found in re.findall(r"\d\.\d\d", WARNING)]
    assert stated == [pytest.approx(min(ratios), abs=0.01), pytest.approx(max(ratios), abs=0.01)]


def test_the_slower_of_computing_and_memory_counts() -> None:
    chip = Chip("c", tera_operations=2, floor_ms=1, gigabytes=1)
    assert roofline(chip, macs=3 * 10**9, moved=10**6) == (pytest.approx(4), "computing")
    assert roofline(chip, macs=10**6, moved=5 * 10**6) == (pytest.approx(6), "memory")
    assert roofline(chip, macs=10**6, moved=10) == (pytest.approx(1.001), "starting")


def test_estimates_are_never_among_measurements(
    shared_export: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["bench", str(shared_export), "--estimate", "sm8750"]
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    form = json.loads(capsys.readouterr().out)
    assert [Path(row["file"]).name for row in form["estimates"]] == ["tflite-int8.tflite"]
    assert form["estimates"][0]["macs"] == 48 * 64 * 240
    assert "median_ms" not in json.dumps(form)
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text.startswith("ESTIMATE")
    assert "median" not in text
    assert main([*words[:-1], "sm1"]) == 2
