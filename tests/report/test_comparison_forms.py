"""JUnit XML and Markdown of a comparison."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edge_imgq.report.baseline import updated
from edge_imgq.report.baseline_comparison import BaselineComparison
from edge_imgq.report.junit import junit_xml
from edge_imgq.report.markdown import MAX_CHARACTERS, MarkdownImage, markdown
from edge_imgq.report.verdict import Verdict, judge
from edge_imgq.verify.drift import Fidelity
from tests.report.build import REPORT, with_target

BASELINE = updated(None, [REPORT])
WORSE = with_target(vs_reference=Fidelity(40.0, 39.0, "a"))


def comparison(*more: Verdict, report=WORSE) -> BaselineComparison:
    return BaselineComparison((*judge([report], BASELINE), *more), (report,), BASELINE)


SKIPPED = Verdict("other", "coreml-int8", "skipped", False, ("no Mac",))
HOSTILE = Verdict("a|b", "<img src=x>", "new", True, ("[click](http://x) & `rm` @team\n# x",))


def test_junit_has_a_suite_for_each_model_and_a_case_for_each_target() -> None:
    root = ET.fromstring(junit_xml(comparison(SKIPPED, HOSTILE)))
    assert root.tag == "testsuites"
    counts = {key: root.get(key) for key in ("tests", "failures", "errors")}
    assert counts == {"tests": "4", "failures": "3", "errors": "0"}
    assert [suite.get("skipped") for suite in root] == ["0", "1", "0"]
    assert [suite.get("name") for suite in root] == ["fsrcnn-x2", "other", "a|b"]
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["tflite-int8"].find("failure")
    assert failure is not None
    assert failure.get("type") == "regressed"
    assert "vs_reference_mean went from 46.7 to 40 dB" in (failure.get("message") or "")
    assert "vs_reference_worst went from 44.8 to 39 dB" in (failure.text or "")
    assert cases["coreml-int8"].find("skipped") is not None
    assert cases["coreml-int8"].get("classname") == "other"


XSD = Path(__file__).parent / "schemas" / "junit-10.xsd"
"""What the xUnit plugin of Jenkins takes, MIT licence (in the file): jenkinsci/xunit-plugin at
031e285ef3b60dee7aaf36e9096d7dcd95ffae83, src/main/resources/org/jenkinsci/plugins/xunit/types/
model/xsd/junit-10.xsd."""


def test_junit_is_what_the_schema_of_jenkins_takes() -> None:
    xmlschema = pytest.importorskip("xmlschema", reason="the dev extra has xmlschema")
    schema = xmlschema.XMLSchema(XSD)
    changed = Verdict("m", "improved", "improved", False, ("bytes went down",), ("other weights",))
    for found in (
        comparison(SKIPPED, HOSTILE, changed),
        comparison(report=REPORT),
        BaselineComparison((), (), BASELINE),
    ):
        text = junit_xml(found)
        assert [error.reason for error in schema.iter_errors(text)] == []
        assert list(schema.iter_errors(text.replace("<testsuites ", '<testsuites cases="1" ')))


def test_a_case_that_passes_has_no_fault() -> None:
    root = ET.fromstring(junit_xml(comparison(report=REPORT)))
    assert root.get("failures") == root[0].get("skipped") == "0"
    assert [len(case) for case in root.iter("testcase")] == [0, 0]


def test_markdown_says_the_result_first_and_what_each_figure_was() -> None:
    lines = markdown(comparison(SKIPPED)).splitlines()
    assert lines[0] == "### ✖ FAIL: 2 of 3 targets (2 regressed, 1 skipped)."
    (row,) = (line for line in lines if line.startswith("| fsrcnn-x2 | tflite-int8"))
    assert row == (
        "| fsrcnn-x2 | tflite-int8 | ✖ regressed | 55 kB | 40.00 (was 46.70) | 34.00 | 0.204 |"
    )
    assert "| other | coreml-int8 | ○ skipped | — | — | — | — |" in lines
    assert "- vs\\_reference\\_mean went from 46.7 to 40 dB (tolerance 0.5 dB)" in lines
    passed = markdown(comparison(report=REPORT)).splitlines()
    assert passed[0] == "### ✔ PASS: 2 targets (2 pass)."


def test_markdown_calls_nothing_100_db_that_is_not_the_same() -> None:
    near = with_target(vs_reference=Fidelity(99.999, 99.99, "a"))
    text = markdown(comparison(report=near))
    assert "99.99 (was 46.70)" in text
    assert "100.0" not in text


def test_names_are_shown_and_never_interpreted() -> None:
    text = markdown(comparison(HOSTILE))
    assert "| a\\|b | \\<img src=x\\> |" in text
    assert "\n- \\[click\\](http://x) \\& \\`rm\\` @<!-- -->team \\# x\n" in text


def test_markdown_fits_into_a_comment() -> None:
    many = [
        Verdict("m", f"t{i}", "regressed", True, (f"{i} " + "reason " * 30,)) for i in range(900)
    ]
    text = markdown(comparison(*many))
    assert len(text) < MAX_CHARACTERS + 200
    assert text.rstrip().endswith("lines more, in the report.")


GITHUB_TAKES = 65_536
"""Characters of a comment."""


def test_markdown_of_30_models_has_every_row_and_reason_and_its_pictures() -> None:
    """Each has four targets that fail, with three reasons and three pictures."""
    reasons = tuple(f"vs_reference_{i} went from 46.7 to 40 dB (tolerance 0.5 dB)" for i in "abc")
    verdicts = [
        Verdict(f"a-network-of-ours-{model:02}", f"tflite-int{target}", "regressed", True, reasons)
        for model in range(30)
        for target in range(4)
    ]
    pictures = [
        MarkdownImage(
            f"{one.model} {one.target}, photo-{rank}: 31.25 dB", f"pictures/{index}-{rank}.png"
        )
        for index, one in enumerate(verdicts)
        for rank in range(3)
    ]
    text = markdown(BaselineComparison(tuple(verdicts), (REPORT,), BASELINE), pictures)
    assert len(text) + 500 < GITHUB_TAKES
    assert text.count("| ✖ regressed |") == len(verdicts)
    assert text.count("- vs\\_reference\\_c went from") == 30
    assert text.count("![") > 250
    for address in re.findall(r"!\[.*\]\((.*)\)", text):
        assert address.endswith(".png")
    link = MarkdownImage("a photo](b)", "my pictures/a)b.png")
    assert "![a photo\\](b)](my%20pictures/a%29b.png)" in markdown(comparison(), [link])
