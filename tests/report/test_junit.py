"""JUnit XML of a comparison."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edge_imgq.report.baseline_comparison import BaselineComparison
from edge_imgq.report.junit import junit_xml
from edge_imgq.report.verdict import Verdict
from tests.report.build import BASELINE, HOSTILE, REPORT, SKIPPED, comparison


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
