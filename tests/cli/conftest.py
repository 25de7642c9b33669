"""A command in this process, copies of an export, and a bundle."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge_imgq.cli import progress
from edge_imgq.cli.main import main
from edge_imgq.cli.schemas import schema_path
from edge_imgq.devices import cpu_speed, stopwatch

Run = Callable[..., "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command in this process; what it says does not depend on how long it takes."""
    monkeypatch.setattr(progress, "PATIENCE", 3600.0)

    def run_command(*words: object) -> Outcome:
        try:
            code = main([str(word) for word in words])
        except SystemExit as error:  # argparse exits by itself
            code = int(str(error.code))
        captured = capsys.readouterr()
        if "--json" in words and captured.out:
            validate(str(words[0]), captured.out)
        return Outcome(code, captured.out, captured.err)

    yield run_command
    logging.disable(logging.NOTSET)


def validate(command: str, text: str) -> None:
    """Hold what a command printed to its published schema, or an error to that of errors."""
    form = json.loads(text)
    is_error = isinstance(form, dict) and set(form) == {"error", "exit_code"}
    validator(schema_path("error" if is_error else command).read_text()).validate(form)


@cache
def validator(schema: str) -> Any:
    """Return what holds values to a JSON schema, which is itself held to that of its draft once."""
    form = json.loads(schema)
    kind = jsonschema.validators.validator_for(form)
    kind.check_schema(form)
    return kind(form)


@pytest.fixture(scope="module", autouse=True)
def quick_quantization(small_patches: None) -> None:
    """Quantize on patches as small as the photographs here."""


@pytest.fixture(scope="module", autouse=True)
def quick_timing() -> Iterator[None]:
    """Measure the processor's speed by short loops, and time no file for longer beside slow ones.

    No test here depends on a time; those of the stopwatch are in tests/devices.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stopwatch, "MORE_ROUNDS", 0)
        for loop in ("HASHED", "CALLS", "COPIED"):
            patch.setattr(cpu_speed, loop, getattr(cpu_speed, loop) // 16)
        yield


@pytest.fixture
def exported(shared_export: Path, tmp_path: Path) -> Path:
    """Return a copy of an exported model's folder."""
    return Path(shutil.copytree(shared_export, tmp_path / "exported" / "tiny"))


CARD = """# tiny

## Data

| set | images | used for | terms |
|---|---|---|---|
| Our own | 12 | training | ours |

## Training
| a | b | c | d |
"""

STATED = ("--author", "A. Person", "--license", "CC-BY-4.0", "--model-version", "3")


@pytest.fixture(scope="session")
def shared_bundle(shared_export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of the int8 TFLite file; read it, do not change it."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "card.md").write_text(CARD)
    words = ["bundle", str(shared_export), "--target", "tflite-int8", *STATED]
    words += ["--card", str(folder / "card.md"), "-o", str(folder / "app")]
    assert main(words) == 0
    return folder / "app"


@pytest.fixture
def bundled(shared_bundle: Path, tmp_path: Path) -> Path:
    """Return a copy of a bundle."""
    return Path(shutil.copytree(shared_bundle, tmp_path / "app"))
