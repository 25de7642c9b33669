"""The estimate, beside published times: how far off it is, and that it says so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edge_imgq.bench.estimate import CHIPS, NpuSpec, compare, roofline
from edge_imgq.cli.main import main
from tests.conftest import CHECKOUT


def test_published_times_stand_beside_the_estimate_with_their_sources(
    shared_export: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The largest and the smallest ratio are those that docs/devices.md states."""
    ratios = [row.ratio for chip in CHIPS for row in compare(chip)]
    page = (CHECKOUT / "docs" / "devices.md").read_text()
    stated = re.search(r"estimate is (\d\.\d\d) to (\d\.\d\d) times", page)
    assert stated is not None
    assert float(stated[1]) == pytest.approx(min(ratios), abs=0.01)
    assert float(stated[2]) == pytest.approx(max(ratios), abs=0.01)
    capsys.readouterr()
    assert main(["bench", str(shared_export), "--estimate", "sm8850"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "QuickSRNet, 64 wide 7.13 G 0.331 0.409 1.23" in text
    assert "Qualcomm AI Hub Models 0.46.1" in text
    assert "5300 MHz: lowyat.net" in text


def test_the_slower_of_computing_and_memory_counts() -> None:
    chip = NpuSpec("c", tera_operations=2, floor_ms=1, gigabytes=1, source="")
    assert roofline(chip, macs=3 * 10**9, moved=10**6) == (pytest.approx(4), "computing")
    assert roofline(chip, macs=10**6, moved=5 * 10**6) == (pytest.approx(6), "memory")
    assert roofline(chip, macs=10**6, moved=10) == (pytest.approx(1.001), "starting")


def test_estimates_are_never_among_measurements(
    shared_export: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["bench", str(shared_export), "--estimate", "sm8750"]
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    form = json.loads(capsys.readouterr().out)
    assert [Path(row["file"]).name for row in form["estimates"]] == ["tflite-int8.tflite"]
    # 3×3 from 3 to 8 channels, and 1×1 from 8 to 3 as 2×2 from 8 to 12 at every other pixel.
    assert form["estimates"][0]["macs"] == 48 * 64 * (3 * 9 * 8 + 8 * 4 * 12 // 4)
    assert "median_ms" not in json.dumps(form)
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text.startswith("ESTIMATE")
    assert "median" not in text
    assert main([*words[:-1], "sm1"]) == 2
