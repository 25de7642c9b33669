"""The gate on networks of other inputs and outputs: a baseline of theirs, and a fault in a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from tests.cli.check.build import INT8, verdicts
from tests.cli.conftest import Run
from tests.cli.tampering import FAULTS, Edited
from tests.port_networks import (
    from_burst,
    from_frames,
    from_mosaic,
    to_colours,
    with_mask,
    with_noise_map,
)
from tests.several_networks import recurrent, three_scales

Make = Callable[[Path], Path]


def in_range(make: Make) -> Make:
    """Return how to write a network with a Sigmoid behind it, so that it returns a picture."""

    def written(path: Path) -> Path:
        model = onnx.load(make(path))
        model.graph.node[-1].output[0] = "before"
        model.graph.node.append(onnx.helper.make_node("Sigmoid", ["before"], ["out"]))
        onnx.save(model, path)
        return path

    return written


NETWORKS: dict[str, Make] = {
    "burst": in_range(from_burst),
    "colours": to_colours,
    "frames": in_range(from_frames),
    "mask": with_mask,
    "mosaic": in_range(from_mosaic),
    "noise-map": with_noise_map,
    "recurrent": recurrent,
    "scales": three_scales,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_of_ports_passes_as_it_is_and_fails_with_a_shifted_bias(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    images = shutil.copytree(photos / "evaluation", tmp_path / "images")
    for photo in sorted(images.iterdir())[2:]:
        photo.unlink()
    path = NETWORKS[name](tmp_path / f"{name}.onnx")
    words = ("--target", INT8, "--size", "32x48", "--scheme", "int8-fast", "--no-bench")
    shown = ("--calibration", photos / "calibration", "--images", images, "--output", tmp_path)
    exported = run("export", path, *words, *shown)
    assert exported.code == 0, exported.out
    project = ("check", tmp_path / name, "--baseline", tmp_path / "baseline.json")
    assert run(*project, "--update").code == 0
    assert run(*project).out.startswith("PASS: 1 target (1 pass).")
    file = Edited(tmp_path / name / f"{INT8}.tflite")
    for _ in range(4):  # a Sigmoid makes it less
        FAULTS["one bias"](file)
    file.write()
    outcome = run(*project, "--images", images, "--json")
    assert outcome.code == 1
    verdict = verdicts(outcome)[INT8]
    assert (verdict["outcome"], verdict["fails"]) == ("tampered", True)
    reasons = "\n".join(verdict["reasons"])
    assert "measured again, it is " in reasons
    assert "against the float model went from" in reasons or "vs_reference_mean went" in reasons
