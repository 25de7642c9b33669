"""Generate the files that check a team's model on GitHub or GitLab."""

from __future__ import annotations

import itertools
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_imgq.ci.installation import CONSTRAINTS_HEADING, constraints, python_version
from edge_imgq.errors import UsageError

Host = Literal["github", "gitlab"]

TEMPLATES: Mapping[Host, Mapping[str, str]] = {
    "github": {
        ".github/actions/edge-imgq/action.yml": "github_action.yml",
        ".github/workflows/edge-imgq.yml": "github_workflow.yml",
    },
    "gitlab": {"ci/edge-imgq.yml": "gitlab.yml"},
}
"""Host → path in the repository → template."""

GITLAB, INCLUDED = ".gitlab-ci.yml", "include:\n  - local: ci/edge-imgq.yml\n"
"""GitLab's main CI file, and the lines that it must contain."""

LINES: Mapping[str, tuple[str, ...]] = {
    ".gitignore": ("artifacts/", "edge-imgq-report/"),
    ".gitattributes": ("*.onnx binary", "*.tflite binary", "*.whl binary", "*.json text eol=lf"),
}
"""Git's files → lines that they must contain: built files are ignored, and line endings are fixed
so that digests of text do not depend on the machine."""


OURS = (b"# Written by `edge-imgq init ", CONSTRAINTS_HEADING.encode())
"""First bytes of files that init wrote and may overwrite."""


@dataclass(frozen=True)
class CiFile:
    """A file of a team's repository.

    Attributes:
        path: path relative to the repository's root.
        contents: contents of the whole file.
    """

    path: Path
    contents: bytes


class _Template(string.Template):
    """Template with %{names}, because workflows contain dollar signs."""

    delimiter = "%"


def ci_files(
    folder: Path, host: Host, model: str, options: str, wheel: Path, *, again: bool = False
) -> tuple[CiFile, ...]:
    """Return the files to write into a repository; lines are appended to Git's own files.

    Nothing is written here.

    Args:
        folder: root of the repository.
        host: host of the repository.
        model: model to export, relative to the repository's root.
        options: further options of `export`.
        wheel: wheel of edge-imgq.
        again: True to overwrite files that init wrote before.

    Raises:
        UsageError: a file or another wheel exists already, or `wheel` is not a wheel of edge-imgq.
    """
    if not wheel.name.startswith("edge_imgq-") or wheel.suffix != ".whl":
        raise UsageError(f"{wheel} is not a wheel of edge-imgq (edge_imgq-….whl).")
    values = {
        "model": _quoted(model),
        "options": _quoted(options),
        "check_options": _quoted(images_option(options)),
        "python": python_version(),
    }
    made = {path: _filled(name, values).encode() for path, name in TEMPLATES[host].items()}
    made["ci/constraints.txt"] = constraints().encode()
    made[f"ci/{wheel.name}"] = wheel.read_bytes()
    if host == "gitlab" and not (folder / GITLAB).exists():
        made[GITLAB] = INCLUDED.encode()
    for path in made:
        _refuse_to_overwrite(folder / path, again=again)
    _refuse_other_wheels(folder / "ci", wheel.name)
    added = {path: _with_lines(folder / path, lines) for path, lines in LINES.items()}
    return tuple(CiFile(Path(path), contents) for path, contents in {**made, **added}.items())


def images_option(options: str) -> str:
    """Return the --images option, with its folder, among the options of `export`; "" if absent.

    `options` is text in which spaces separate options, as in "--size 180x320 --images photos".
    `check` gets the result.
    """
    words = options.replace("--images=", "--images ").split()
    for option, folder in itertools.pairwise(words):
        if option == "--images":
            return f"--images {folder}"
    return ""


def _refuse_to_overwrite(path: Path, *, again: bool) -> None:
    """Raise UsageError if a file exists that init may not overwrite."""
    if not path.exists():
        return
    if not again:
        raise UsageError(
            f"{path} exists already, and init overwrites nothing. Move it away to get a new one, "
            "or replace what init wrote with --force."
        )
    if path.suffix != ".whl" and not (path.is_file() and path.read_bytes().startswith(OURS)):
        raise UsageError(
            f"{path} was not written by init, and --force replaces only what init wrote. Move "
            "it away to get a new one."
        )


def _refuse_other_wheels(folder: Path, name: str) -> None:
    for path in sorted(folder.glob("*.whl")):
        if path.name != name:
            raise UsageError(
                f"{path} exists already, and CI installs every wheel in that folder. Delete it "
                f"to get {name}."
            )


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = (Path(__file__).parent / template).read_text(encoding="utf-8")
    return _Template(text).substitute(values)


def _quoted(text: str) -> str:
    """Return text as a YAML string, quoted as in JSON."""
    return json.dumps(text, ensure_ascii=False)


def _with_lines(path: Path, lines: tuple[str, ...]) -> bytes:
    """Return the contents of a file with missing lines appended."""
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    missing = [line for line in lines if line not in before.splitlines()]
    gap = "\n" if before and not before.endswith("\n") else ""
    return (before + gap + "".join(f"{line}\n" for line in missing)).encode()
