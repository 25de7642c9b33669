"""Programs for coremltools."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.coreml.lower import save

from . import witness

NOTE = FileNote("relu", "coreml-test", ImageContract("image-to-image", 1, "rgb"), "0.1")


def test_coremltools_checks_the_program_once_and_writes_no_text_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = importlib.import_module("coremltools.converters.mil.mil.program")
    check, checked = program.Function.validate, []

    def noted(function: Any, *settings: Any, **named: Any) -> None:
        if named.get("force_validate"):  # else it returns at once
            checked.append(function)
        check(function, *settings, **named)

    def unread(function: Any, **settings: Any) -> str:
        pytest.fail("text that nobody reads")

    monkeypatch.setattr(program.Function, "validate", noted)
    monkeypatch.setattr(program.Function, "to_str", unread)
    network = witness.network(witness.build("Relu", shapes=[(1, 3, 12, 16)]))
    save(network, NOTE, tmp_path / "m.mlpackage")
    assert len(checked) == 1
