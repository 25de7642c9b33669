"""`init --ci`: what is written, and that the steps of the workflows do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import onnx
import pytest
import yaml
from onnx import ModelProto, helper

from edge_imgq.ci import installation
from edge_imgq.ci.files import LINES, ci_files
from edge_imgq.ci.model_size import refuse_open_size
from edge_imgq.cli.main import main
from edge_imgq.errors import UsageError
from tests.conftest import CHECKOUT
from tests.small_models import tiny_model

QUICK = "--target onnx-int8 --scheme int8-fast --size 48x64 --no-bench"
WHEEL = "edge_imgq-0.1.0-py3-none-any.whl"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "dist" / WHEEL
    path.parent.mkdir()
    path.write_bytes(b"a wheel")
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "my app"
    (folder / "models").mkdir(parents=True)
    onnx.save(sized_model(), folder / "models" / "tiny.onnx")
    return folder


def sized_model(size: tuple[int, int] = (48, 64), *, channels_last: bool = False) -> ModelProto:
    """Return the tiny network, with a height and width in the shape of its input."""
    model = tiny_model()
    shape = (1, *size, 3) if channels_last else (1, 3, *size)
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, shape)
    model.graph.input[0].CopyFrom(image)
    return model


def init(repository: Path, host: str, wheel: Path, *more: str) -> int:
    words = ["init", str(repository), "--ci", host, "--wheel", str(wheel)]
    return main([*words, "--model", "models/tiny.onnx", *more])


def test_github_gets_a_workflow_an_action_versions_and_the_wheel(
    repository: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(repository, "github", wheel) == 0
    assert "commit these files, the model and baseline.json" in capsys.readouterr().err
    workflow = yaml.safe_load((repository / ".github/workflows/edge-imgq.yml").read_text())
    *_, step = workflow["jobs"]["int8"]["steps"]
    assert step["with"]["model"] == "models/tiny.onnx"
    assert step["with"]["export-options"] == "--target all --no-bench"
    assert (repository / step["uses"] / "action.yml").is_file()
    assert (repository / "ci" / WHEEL).read_bytes() == b"a wheel"
    action = yaml.safe_load((repository / step["uses"] / "action.yml").read_text())
    assert set(step["with"]) <= set(action["inputs"])
    assert {name for name, one in action["inputs"].items() if one.get("required")} <= set(
        step["with"]
    )


@pytest.mark.parametrize("images", ["--images pairs", "--images=pairs", ""])
def test_check_measures_on_the_images_of_export(repository: Path, wheel: Path, images: str) -> None:
    wanted = "--images pairs" if images else ""
    for host in ("github", "gitlab"):
        assert init(repository, host, wheel, f"--options=--target all {images}") == 0
        (repository / "ci" / WHEEL).unlink()
        (repository / "ci" / "constraints.txt").unlink()
    workflow = yaml.safe_load((repository / ".github/workflows/edge-imgq.yml").read_text())
    assert workflow["jobs"]["int8"]["steps"][-1]["with"]["check-options"] == wanted
    job = yaml.safe_load((repository / "ci" / "edge-imgq.yml").read_text())["edge-imgq"]
    assert job["variables"]["CHECK_OPTIONS"] == wanted


def test_the_versions_are_those_of_this_machine_as_an_index_has_them() -> None:
    lines = installation.constraints().splitlines()[1:]
    assert f"numpy=={metadata.version('numpy')}" in lines
    assert f"torch=={metadata.version('torch').partition('+')[0]}" in lines
    assert not any("+" in line or "pytest" in line for line in lines)
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0])


def test_files_that_are_there_stay_and_those_of_git_get_lines(
    repository: Path, wheel: Path
) -> None:
    (repository / ".gitignore").write_text("*.tmp\nartifacts/")
    assert init(repository, "gitlab", wheel) == 0
    assert (repository / ".gitignore").read_text() == "*.tmp\nartifacts/\nedge-imgq-report/\n"
    assert set((repository / ".gitattributes").read_text().splitlines()) == set(
        LINES[".gitattributes"]
    )
    included = yaml.safe_load((repository / ".gitlab-ci.yml").read_text())["include"]
    assert [(repository / one["local"]).is_file() for one in included] == [True]
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    assert init(repository, "gitlab", wheel) == 2
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before


def test_a_gitlab_file_that_is_there_is_named_with_what_to_add(
    repository: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / ".gitlab-ci.yml").write_text("stages: [test]\n")
    assert init(repository, "gitlab", wheel) == 0
    assert (repository / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    assert "  - local: ci/edge-imgq.yml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--ci", "github"), "name a file of the repository with --model"),
        (("--ci", "github", "--model", "gone.onnx"), "There is no file"),
        (("--ci", "github", "--model", "models/tiny.onnx"), "`make wheel` in a checkout"),
        (("--model", "models/tiny.onnx"), "--model needs --ci github or --ci gitlab."),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_written(
    words: tuple[str, ...],
    said: str,
    repository: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installation.metadata, "distribution", lambda _: NoRecord())
    assert main(["init", str(repository), *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert {path.name for path in repository.iterdir()} == {"models"}


class NoRecord:
    def read_text(self, name: str) -> None:
        assert name == "direct_url.json"


def test_a_model_of_open_size_needs_one_in_the_options(
    repository: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx.save(tiny_model(), repository / "models" / "tiny.onnx")
    assert init(repository, "github", wheel) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "takes images of any height and width" in said
    assert "--options='--target all --no-bench --size HxW'" in said
    assert {path.name for path in repository.iterdir()} == {"models"}
    assert init(repository, "github", wheel, "--options=--target tflite --size=48x64") == 0


def test_all_that_is_missing_is_said_at_once(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation.metadata, "distribution", lambda _: NoRecord())
    onnx.save(tiny_model(), repository / "models" / "tiny.onnx")
    words = ["init", str(repository), "--ci", "github"]
    for more, said in (
        ([], ("with --model", "--size HxW", "--wheel")),
        (["--model", "models/tiny.onnx"], ("--size HxW", "--wheel")),
    ):
        assert main([*words, *more]) == 2
        error = capsys.readouterr().err
        assert all(option in error for option in said)


def test_a_size_is_seen_in_either_layout_and_what_is_no_model_is_left_to_export(
    tmp_path: Path,
) -> None:
    for last in (False, True):
        onnx.save(sized_model(channels_last=last), tmp_path / "m.onnx")
        refuse_open_size(tmp_path / "m.onnx", "")
        onnx.save(sized_model(("h", "w"), channels_last=last), tmp_path / "m.onnx")
        with pytest.raises(UsageError, match="any height and width"):
            refuse_open_size(tmp_path / "m.onnx", "")
    (tmp_path / "m.onnx").write_bytes(b"no model")
    refuse_open_size(tmp_path / "m.onnx", "")


def test_another_version_of_the_wheel_is_to_be_deleted_first(
    repository: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(repository, "github", wheel) == 0
    newer = wheel.rename(wheel.with_name("edge_imgq-0.2.0-py3-none-any.whl"))
    assert init(repository, "github", newer, "--force") == 2
    assert f"{WHEEL} exists already" in " ".join(capsys.readouterr().err.split())
    (repository / "ci" / WHEEL).unlink()
    assert init(repository, "github", newer, "--force") == 0


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_force_writes_anew_what_init_wrote(
    host: str, repository: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(repository, host, wheel) == 0
    more = "--options=--target tflite"
    assert init(repository, host, wheel, more) == 2
    assert "--force" in capsys.readouterr().err
    assert init(repository, host, wheel, more, "--force") == 0
    assert "add to it" not in capsys.readouterr().err
    workflow = ".github/workflows/edge-imgq.yml" if host == "github" else "ci/edge-imgq.yml"
    assert '"--target tflite"' in (repository / workflow).read_text()


def test_force_overwrites_no_file_of_others(
    repository: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(repository, "github", wheel) == 0
    (repository / "ci" / "constraints.txt").write_text("numpy==1.0\n")
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    assert init(repository, "github", wheel, "--options=--target tflite", "--force") == 2
    assert "constraints.txt was not written by init" in " ".join(capsys.readouterr().err.split())
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before


def test_a_wheel_that_was_installed_is_found(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Record:
        def read_text(self, _: str) -> str:
            return f'{{"url": "{wheel.as_uri()}", "archive_info": {{}}}}'

    monkeypatch.setattr(installation.metadata, "distribution", lambda _: Record())
    assert installation.own_wheel() == wheel


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a wheel of edge-imgq"):
        ci_files(tmp_path, "github", "m.onnx", "", tmp_path / "torch-2.13.0.whl")


ADDRESS = "https://github.com/team/app/actions/runs/1/artifacts/2"


@dataclass
class Runner:
    """Runs steps in a shell, with stand-ins for pip and GitHub's program."""

    folder: Path
    programs: Path
    variables: Mapping[str, str]

    def __post_init__(self) -> None:
        self.programs.mkdir()
        python = f'exec "{sys.executable}" -m edge_imgq "$@"'
        self._program("edge-imgq", python)
        self._program("python", 'echo "python $*" >> "$LOG"; ls ${@: -1} ci/constraints.txt')
        self._program("gh", 'echo "gh $*" >> "$LOG"')

    def _program(self, name: str, body: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)

    def __call__(self, script: str, variables: Mapping[str, str]) -> int:
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **self.variables, **variables, "PATH": path}
        environment["PYTHONPATH"] = str(CHECKOUT)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=self.folder, env=environment, check=False).returncode


@pytest.fixture
def runner(repository: Path, tmp_path: Path) -> Runner:
    log, summary = tmp_path / "log", tmp_path / "summary.md"
    variables = {"LOG": str(log), "GITHUB_STEP_SUMMARY": str(summary)}
    return Runner(repository, tmp_path / "programs", variables)


def github_steps(repository: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield name, script and variables of the action's steps, as the workflow calls it."""
    workflow = yaml.safe_load((repository / ".github/workflows/edge-imgq.yml").read_text())
    call = workflow["jobs"]["int8"]["steps"][-1]
    action = yaml.safe_load((repository / call["uses"] / "action.yml").read_text())
    inputs = {name: one.get("default", "") for name, one in action["inputs"].items()}
    inputs |= call["with"]
    known = {f"inputs.{name}": value for name, value in inputs.items()}
    known |= {"github.token": "secret", "github.event.number": "7"}
    known |= {"steps.page.outputs.artifact-url": ADDRESS}
    for step in action["runs"]["steps"]:
        if "run" in step:
            yield step["name"], step["run"], {k: filled(v, known) for k, v in env(step).items()}


def env(step: dict[str, Any]) -> dict[str, str]:
    return dict(step.get("env", {}))


def filled(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda found: known[found[1]], text)


@pytest.mark.slow
def test_the_steps_of_both_hosts_open_the_gate_and_shut_it(
    repository: Path,
    wheel: Path,
    photos: Path,
    runner: Runner,
    tmp_path: Path,
) -> None:
    folders = (photos / "calibration", photos / "evaluation")
    options = f"{QUICK} --calibration {folders[0]} --images {folders[1]}"
    for host in ("github", "gitlab"):
        assert init(repository, host, wheel, f"--options={options}") == 0
        (repository / "ci" / WHEEL).unlink()
        (repository / "ci" / "constraints.txt").unlink()
    steps = {name: (script, known) for name, script, known in github_steps(repository)}
    (repository / "ci" / WHEEL).write_bytes(b"a wheel")
    (repository / "ci" / "constraints.txt").write_text("")
    assert runner(*steps["Install edge-imgq"]) == 0
    assert runner(*steps["Export"]) == 0
    baseline = "edge-imgq check artifacts --baseline baseline.json --update"
    assert runner(baseline, {}) == 0
    assert runner(*steps["Check"]) == 0
    assert runner(*steps["Summary"]) == 0
    assert runner(*steps["Comment"]) == 0
    assert "| tiny | onnx-int8 |" in (tmp_path / "summary.md").read_text().replace("\\", "")
    assert {path.name for path in (repository / "edge-imgq-report").iterdir()} == {
        *("index.html", "junit.xml", "summary.md")
    }
    for path in (tmp_path / "summary.md", repository / "edge-imgq-report" / "summary.md"):
        assert path.read_text().endswith(f"pictures of what fails]({ADDRESS})\n")
    pip, comment = (tmp_path / "log").read_text().splitlines()
    assert pip.endswith(f"--constraint ci/constraints.txt ci/{WHEEL}")
    assert comment.startswith("gh pr comment 7 ")
    onnx.save(tiny_model(weight=3.0), repository / "models" / "tiny.onnx")
    job = yaml.safe_load((repository / "ci" / "edge-imgq.yml").read_text())["edge-imgq"]
    assert job["artifacts"]["reports"]["junit"] == "edge-imgq-report/junit.xml"
    assert runner("\n".join(job["script"]), job["variables"]) == 1
    assert "regressed" in (repository / "edge-imgq-report" / "summary.md").read_text()
    assert '<section class="picture"' in (repository / "edge-imgq-report/index.html").read_text()
