"""A small project: files of a tiny network, its images and a baseline."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from edge_imgq.cli.main import main
from tests.cli.check.build import FLOAT, INT8
from tests.cli.conftest import Run
from tests.small_models import tiny_model


@pytest.fixture(scope="module")
def pairs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return pairs whose truth is the input: the nearer a network is to a copy, the better."""
    folder = tmp_path_factory.mktemp("pairs")
    for name in ("input", "truth"):
        shutil.copytree(photos / "evaluation", folder / name)
    return folder


Export = Callable[..., Path]


@pytest.fixture(scope="module")
def export(pairs: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Export the tiny network in a quick scheme, and return its folder."""

    def exported(
        weight: float,
        targets: tuple[str, ...],
        calibration: Path | None = None,
        size: str = "48x64",
    ) -> Path:
        folder = tmp_path_factory.mktemp("project")
        onnx.save(tiny_model(weight), folder / "tiny.onnx")
        words = ("export", folder / "tiny.onnx", "--size", size, "--scheme", "int8-fast")
        images = ("--calibration", calibration or photos / "calibration", "--images", pairs)
        rest = ("--output", folder, "--no-bench", "--json")
        with contextlib.redirect_stdout(io.StringIO()):
            code = main([*map(str, (*words, *images, *rest)), "--target", *targets])
        assert code in (0, 1)
        return folder / "tiny"

    return exported


@pytest.fixture(scope="module")
def clean(export: Export) -> Path:
    return export(1.0, (INT8, FLOAT))


@pytest.fixture(scope="module")
def worse(export: Export) -> Path:
    """Another state of the same network, whose weights are twice as large."""
    return export(2.0, (INT8, FLOAT))


@pytest.fixture
def project(clean: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with a copy of the export, and a baseline; its cache is empty."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    shutil.copytree(clean, tmp_path / "tiny")
    words = ("check", tmp_path / "tiny", "--baseline", tmp_path / "baseline.json")
    assert run(*words, "--update").code == 0
    return tmp_path
