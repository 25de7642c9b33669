"""What the pages say about names, codes, files and links is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_imgq import errors
from edge_imgq.chips import CHIPS, VENDORS
from edge_imgq.cli.main import COMMANDS
from edge_imgq.graph.rewrite import PASSES
from edge_imgq.models.zoo import ASSESSORS, UNTRAINED, ZOO
from edge_imgq.recipe.folders import export_recipes, select, shipped_folder
from edge_imgq.report.baseline import Tolerances
from tests.conftest import CHECKOUT
from tests.docs.blocks import COMMANDS_PAGE, PAGES, README, REPORT_PAGE

REFERENCE = COMMANDS_PAGE.read_text(encoding="utf-8")
MAX_LINES = 150
WIDTH = 80
MAX_BYTES = 300_000


def page_name(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_commands_lists_every_command(name: str) -> None:
    assert re.search(rf"^\| `edge-imgq {name}` +\|", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("path", sorted(shipped_folder("export").glob("*.toml")), ids=page_name)
def test_the_page_of_commands_lists_every_target(path: Path) -> None:
    assert re.search(rf"^\| `{path.stem}` +\|", REFERENCE, re.MULTILINE)


def test_the_exit_codes_of_the_page_of_commands_are_those_of_the_errors() -> None:
    shown = {int(code) for code in re.findall(r"^\| +(\d+) \|", REFERENCE, re.MULTILINE)}
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    used = {kind.exit_code for kind in classes if issubclass(kind, errors.EdgeImgqError)}
    assert shown == used | {0, errors.FaultError.exit_code, errors.INTERRUPTED, errors.TERMINATED}


def test_the_readme_is_for_people_in_a_hurry() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_the_report_that_is_shown_has_a_row_for_every_target_and_names_its_machine() -> None:
    text = REPORT_PAGE.read_text(encoding="utf-8")
    for recipe in select(export_recipes(), ["all"]):
        assert re.search(rf"^{recipe.name} !? +\d+", text, re.MULTILINE)
    assert re.search(r"1 thread, .*host:", text.replace("\n  ", " "))
    assert "not measured:" in text


def test_the_page_about_ci_states_the_tolerances() -> None:
    page = (CHECKOUT / "docs" / "ci.md").read_text(encoding="utf-8")
    for name, value in vars(Tolerances()).items():
        assert re.search(rf"^\| `{name}` +\| +{value:g} \|", page, re.MULTILINE), name


def test_the_page_about_int8_describes_what_the_recipe_asks_for() -> None:
    page = (CHECKOUT / "docs" / "int8.md").read_text(encoding="utf-8")
    for key in ("passes", "observer", "rounding", "corrections"):
        assert f"`{key}`" in page
    assert "sign split" in page
    assert "sign-split" in PASSES


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_files_named_in_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    package = CHECKOUT / "edge_imgq"
    for name in set(re.findall(r"`([\w/]+/[\w/]*\.(?:py|md|toml))`", text)):
        found = [root / name for root in (CHECKOUT, package, package / "graph", package / "export")]
        found += [package / "export" / "tflite" / name]
        assert any(path.exists() for path in found), name


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_files_of_the_package_are_named_with_their_folder(page: Path) -> None:
    """So that a renamed file is noticed here."""
    text = page.read_text(encoding="utf-8")
    of_the_root = {path.name for path in (CHECKOUT / "edge_imgq").glob("*.py")}
    assert set(re.findall(r"`(\w+\.py)`", text)) <= {*of_the_root, "build.py", "format.py"}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_page_is_at_most_80_columns_wide(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_network_that_a_page_names_is_in_the_zoo(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"\b\w+-slim(?:-[xk]\d)?\b|\bfsrcnn-x\d\b", text))
    assert named <= {*ZOO, *UNTRAINED, *ASSESSORS}


def test_pictures_are_small_and_each_is_on_a_page() -> None:
    pictures = list((CHECKOUT / "docs" / "pictures").iterdir())
    assert sum(picture.stat().st_size for picture in pictures) <= MAX_BYTES
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [picture.name for picture in pictures if picture.name not in text] == []


def test_the_page_about_chips_has_all_of_them_and_every_variable() -> None:
    page = (CHECKOUT / "docs" / "chips.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+:[\w-]+)` +\| (.+?) +\|", page, re.MULTILINE))
    assert list(rows) == list(CHIPS)
    for name, chip in CHIPS.items():
        model = chip.model.replace("_", " ")
        assert rows[name] == (model if chip.vendor.name == "Google" else chip.name)
    for vendor in VENDORS.values():
        assert f"`{vendor.variable}`" in page
