"""The example project as a team would have it: copied, put under Git, exported, checked, broken."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import yaml

from edge_imgq.cli.main import main
from tests.conftest import CHECKOUT

EXAMPLE = CHECKOUT / "examples" / "denoiser"
CHECK = ("check", "artifacts", "--baseline", "baseline.json")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh repository that holds the example; it is the working folder."""
    folder = tmp_path / "denoiser"
    built = shutil.ignore_patterns("artifacts", "__pycache__", ".pytest_cache")
    shutil.copytree(EXAMPLE, folder, ignore=built)
    monkeypatch.chdir(folder)
    subprocess.run(["git", "init", "--quiet"], check=True)
    return folder


def options(project: Path) -> list[str]:
    """Return what the workflow exports with."""
    workflow = yaml.safe_load((project / ".github/workflows/edge-imgq.yml").read_text())
    step = workflow["jobs"]["int8"]["steps"][-1]["with"]
    return [step["model"], *step["export-options"].split(), "--output", "artifacts"]


def test_the_gate_opens_for_the_example_and_shuts_for_other_weights(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *options(project)]) == 0
    assert main([*CHECK, "--no-cache"]) == 0
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    untracked = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "models/denoiser.onnx" in untracked
    assert "artifacts" not in untracked
    make = runpy.run_path(str(project / "make_model.py"))
    onnx.save(make["denoiser"](strength=3), project / "models" / "denoiser.onnx")
    assert main(["export", *options(project)]) == 0
    capsys.readouterr()
    assert main([*CHECK, "--no-cache"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "regressed" in said
    assert "weights" in said
    note = "denoiser: not gated: quality against the truth; give pairs with --images DIR"
    assert said.count(note) == 1
    assert main([*CHECK, "--update"]) == 0
    assert capsys.readouterr().err.count(note) == 1


def test_its_tests_pass_once_for_each_target(project: Path) -> None:
    plugin = ("-p", "no:edge_imgq", "-p", "edge_imgq.api.pytest_plugin", "-p", "no:cacheprovider")
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "pytest", *plugin, "--basetemp", str(project / "temporary")]
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_its_files_are_those_that_are_made_today(project: Path, tmp_path: Path) -> None:
    make = runpy.run_path(str(project / "make_model.py"))
    assert make["denoiser"]() == onnx.load(EXAMPLE / "models" / "denoiser.onnx")
    shutil.rmtree(project / ".github")
    wheel = tmp_path / "edge_imgq-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    model, *more, _, _ = options(EXAMPLE)
    words = ("init", ".", "--ci", "github", "--model", model, "--wheel", str(wheel))
    assert main([*words, f"--options={' '.join(more)}"]) == 0
    for path in (".gitignore", ".gitattributes", *map(str, EXAMPLE.rglob(".github/**/*.yml"))):
        name = Path(path).relative_to(EXAMPLE) if Path(path).is_absolute() else Path(path)
        assert lines(project / name) == lines(EXAMPLE / name)


def lines(path: Path) -> list[str]:
    """Return the lines of a file but for that which names this machine's Python."""
    return [line for line in path.read_text().splitlines() if "python-version" not in line]
