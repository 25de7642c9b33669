"""JUnit XML of verdicts for CI systems and IDEs, one suite per model."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from edge_imgq.report.baseline_comparison import BaselineComparison
from edge_imgq.report.verdict import Verdict

if TYPE_CHECKING:
    from junitparser import TestCase


def junit_xml(comparison: BaselineComparison) -> str:
    """Return JUnit XML with a suite per model and a test case per verdict.

    A verdict that fails is a failure; one that does not fail and is skipped or unjudged counts as
    skipped. Cases have the reasons and changes as text.
    """
    from junitparser import JUnitXml, TestSuite

    document = JUnitXml("edge-imgq check")
    for model in dict.fromkeys(verdict.model for verdict in comparison.verdicts):
        suite = TestSuite(model)
        suite.add_testcases([_case(v) for v in comparison.verdicts if v.model == model])
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    root = ET.fromstring(document.tostring())  # type: ignore[no-untyped-call]
    # junitparser also writes a `skipped` count to the root element, where Jenkins' schema does not
    # allow it. The counts of the suites are valid.
    root.attrib.pop("skipped", None)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _case(verdict: Verdict) -> TestCase:
    from junitparser import Failure, Skipped, TestCase

    case = TestCase(verdict.target, classname=verdict.model)
    first = verdict.reasons[0] if verdict.reasons else ""
    lines = "\n".join((*verdict.reasons, *verdict.changes))
    if verdict.fails:
        failure = Failure(f"{verdict.outcome}: {first}", verdict.outcome)
        failure.text = lines
        case.result = [failure]
    elif verdict.outcome in ("skipped", "unjudged"):
        case.result = [Skipped(first)]
    elif lines:
        case.system_out = f"{verdict.outcome}\n{lines}"
    return case
