"""Core ML packages through every command that takes a file."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.cli.main import main
from edge_imgq.images.files import read_rgb
from tests.cli.conftest import Run

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="a Mac runs the real runtime")


@pytest.fixture(scope="module")
def package(exporting: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the tiny network to Core ML."""
    output = tmp_path_factory.mktemp("coreml")
    words = [str(word) for word in exporting if word != "tflite"]
    words[words.index("onnx")] = "coreml-int8"
    assert main([*words, "--output", str(output), "--json"]) == 0
    return output / "tiny" / "coreml-int8.mlpackage"


def test_the_report_says_that_an_evaluator_ran_it_and_gives_no_time(package: Path) -> None:
    (target,) = json.loads((package.parent / "report.json").read_text())["targets"]
    assert target["runtime"].startswith("reference evaluator")
    assert "time says nothing" in target["latency"]["skipped"]


def test_bench_shows_it_as_skipped_with_the_reason(run: Run, package: Path) -> None:
    (timing,) = json.loads(run("bench", package, "--memory", "--json").out)
    assert "its memory says nothing about a phone" in timing["footprint"]["skipped"]
    assert "its time says nothing about a phone" in timing["latency"]["skipped"]
    table = run("bench", package).out
    assert "row 1: not timed: reference evaluator" in " ".join(table.split())


def test_inspect_counts_what_the_network_is_made_of(run: Run, package: Path) -> None:
    form = json.loads(run("inspect", package, "--json").out)
    assert form["format"] == "Core ML"
    assert form["macs"] == 48 * 64 * 240
    assert form["inputs"][0]["dtype"] == "uint8"
    graph = json.loads(run("inspect", package.parent / "reference" / "int8.onnx", "--json").out)
    assert (form["parameters"], form["zeros"]) == (graph["parameters"], graph["zeros"])
    assert "no image" not in run("inspect", package).out


def test_of_a_tampered_package_it_is_said_that_no_tensor_is_named(
    run: Run, package: Path, photos: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(package.parent, tmp_path / "tiny"))
    words = ("check", folder, "--baseline", tmp_path / "baseline.json")
    assert run(*words, "--update").code == 0
    weights = next((folder / package.name).rglob("weight.bin"))
    contents = bytearray(weights.read_bytes())
    for index in range(len(contents) // 2, len(contents)):
        contents[index] ^= 1
    weights.write_bytes(contents)
    outcome = run(*words, "--images", photos / "evaluation")
    assert outcome.code == 1
    said = " ".join(outcome.out.split())
    assert "tampered" in said
    assert "which tensor is off is not told: Core ML files do not hold the graph's tensors" in said


def test_a_photograph_larger_than_the_package_is_tiled(
    run: Run, package: Path, tiny: Path, photos: Path, tmp_path: Path
) -> None:
    photo = photos / "evaluation" / "coffee.png"
    assert run("enhance", photo, "-m", package, "-o", tmp_path / "file").code == 0
    assert run("enhance", photo, "-m", tiny, "-o", tmp_path / "own").code == 0
    own, other = (read_rgb(tmp_path / name / "coffee.png") for name in ("own", "file"))
    assert np.abs(own.astype(int) - other).max() <= 3
