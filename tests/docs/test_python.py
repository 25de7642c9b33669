"""The page about Python and its notebook are run as they stand there, on small stand-ins."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import edge_imgq as eiq
from tests.conftest import CHECKOUT
from tests.docs.blocks import blocks
from tests.docs.stand_ins import write_photos

PAGE = CHECKOUT / "docs" / "python.md"
NOTEBOOK = CHECKOUT / "docs" / "python.ipynb"
MAX_BYTES = 20_000


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Path]:
    """Work in a folder with photographs and pairs whose name has a space."""
    folder = tmp_path / "my app"
    write_photos(folder)
    torch.manual_seed(0)  # the network of the page has random weights
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def cells() -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell and return what its last line comes to, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


@pytest.mark.slow
def test_the_notebook_runs_cell_by_cell_and_shows_its_results(
    workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    shown = [run_cell(source, names) for source in cells()]
    html = [value._repr_html_() for value in shown if hasattr(value, "_repr_html_")]
    assert [type(v).__name__ for v in shown if hasattr(v, "_repr_html_")] == [
        *("Model", "ModelResult", "QuantizedModel", "Timings", "BaselineUpdate", "CheckResult")
    ]
    assert "2 files within budget." in html[1]
    assert all(name not in (None, "") for name in html)
    assert (workplace / "artifacts" / "denoiser" / "tflite-int8.tflite").is_file()
    assert capfd.readouterr().out == ""


def test_the_notebook_is_small_and_holds_no_output() -> None:
    assert NOTEBOOK.stat().st_size < MAX_BYTES
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 4)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    for source in blocks(PAGE, "python"):
        exec(compile(source, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert "2 files within budget." in said, names["result"]
    assert "No target is called 'tflite-int4'. Did you mean" in said
    assert names["large"].ndim == 3
    assert [verdict.target for verdict in names["gate"]] == ["coreml-int8", "tflite-int8"]
    assert (workplace / "artifacts" / "denoiser" / "coreml-int8.mlpackage").is_dir()


def test_the_page_names_every_public_function() -> None:
    text = PAGE.read_text(encoding="utf-8")
    functions = [name for name in eiq.__all__ if name[0].islower()]
    assert [name for name in functions if name not in text] == []
