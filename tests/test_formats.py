"""Every row of FORMATS is whole: what it names is there, and no two rows claim one thing."""

from __future__ import annotations

import ast
import inspect
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

import edge_imgq
from edge_imgq.devices.find_device import DEVICES
from edge_imgq.export.functions import FormatFunctions, functions_of
from edge_imgq.formats import FORMATS, files_beside, format_of, suffixes
from edge_imgq.recipe.export import KINDS, PRECISIONS
from edge_imgq.recipe.folders import export_recipes
from tests.conftest import CHECKOUT

PACKAGE = Path(edge_imgq.__file__).parent
OF_INPUTS = {
    *(
        "pipeline/open_model/source.py",
        "pipeline/enhance/enhancer.py",
        "pipeline/inspect.py",
        "pipeline/evaluate/unknown_task.py",
        "pipeline/export/input_sizes.py",
        "pipeline/enhance/plan_tiles.py",
    ),
    *(
        "cli/export.py",
        "models/zoo.py",
        "graph/load/refusals.py",
        "pipeline/open_model/range_hint.py",
    ),
}
"""Files that know .onnx as what a person's model is, not as a format that is written."""

OF_REFERENCES = {
    *(
        "artifact.py",
        "pipeline/export/export.py",
        "pipeline/mixed_precision/mix_precision.py",
        "pipeline/verify/references.py",
    ),
    *("pipeline/export/write_targets.py", "pipeline/export/watch_passes.py"),
}
"""Files that know the graphs in `reference/` and of `--dump-graphs`, which are ONNX."""


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_leads_to_all_functions_of_its_format(name: str) -> None:
    functions = functions_of(name)
    assert isinstance(functions, FormatFunctions)
    assert inspect.getmodule(functions.write).__name__ == FORMATS[name].module
    for field in fields(FormatFunctions):
        function = getattr(functions, field.name)
        if function is not None:
            wanted = field.type.split("Callable[[")[1].split("], ")[0].count(", ") + 1
            assert len(inspect.signature(function).parameters) == wanted, field.name


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_names_what_there_is(name: str) -> None:
    form = FORMATS[name]
    assert form.name
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in form.suffixes)
    assert set(form.precisions) <= set(PRECISIONS)
    assert form.precisions
    assert set(form.processors) <= set(KINDS)
    assert set(form.devices) <= set(DEVICES) - {"host"}
    assert bool(form.rounds_elsewhere) == ("none" in form.precisions.values())
    assert "gpu" not in form.processors or functions_of(name).refuse_fp16_overflow is not None
    assert {r.precision for r in export_recipes(Path("/nowhere")) if r.format == name}


def test_no_two_formats_share_a_suffix() -> None:
    every = [suffix for form in FORMATS.values() for suffix in form.suffixes]
    assert len(every) == len(set(every))
    for form in FORMATS.values():
        assert format_of(Path(f"a/b{form.suffix.upper()}")) is form
    assert format_of(Path("a/b.txt")) is None


def test_an_extra_is_one_of_the_project() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    for form in FORMATS.values():
        if form.extra is not None:
            asked = project["optional-dependencies"][form.extra.module]
            assert asked == [f"{form.extra.package}{form.extra.versions}"]


def test_a_file_of_one_suffix_has_none_beside_it() -> None:
    assert files_beside(Path("m.onnx")) == ()
    assert files_beside(Path("m.txt")) == ()


def strings(path: Path) -> set[str]:
    """Return what a file compares or looks up: its strings, without docstrings and messages."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is str}


def test_no_other_file_knows_a_format_by_its_name_or_suffix() -> None:
    own = [PACKAGE / form.module.removeprefix("edge_imgq.").replace(".", "/") for form in
           FORMATS.values()]  # fmt: skip
    folders = {path.parent for path in own} - {PACKAGE / "export"}
    names = {*FORMATS, *suffixes()}
    found = {
        path.relative_to(PACKAGE).as_posix(): strings(path) & names
        for path in PACKAGE.rglob("*.py")
        if not any(path.is_relative_to(folder) for folder in folders)
        and not (path.parent.name == "runtime" and path.name.startswith(tuple(FORMATS)))
    }
    found = {name: known for name, known in found.items() if known}
    assert found.pop("formats.py") == names
    for name in OF_INPUTS | OF_REFERENCES:
        found[name] = found.get(name, set()) - {".onnx"}
    devices = {name for name, known in found.items() if name.startswith("devices/")}
    doctor = {"pipeline/doctor.py"}  # lists packages, of which one is called onnx
    left = {n: k for n, k in found.items() if k and n not in devices | doctor}
    assert left == {}
    assert devices == {
        "devices/coreml.py",
        "devices/find_device.py",
    }  # of which one is called coreml
