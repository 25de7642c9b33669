"""Markdown of a comparison."""

from __future__ import annotations

import re

from edge_imgq.report.baseline_comparison import BaselineComparison
from edge_imgq.report.markdown import MAX_CHARACTERS, MarkdownImage, markdown
from edge_imgq.report.verdict import Verdict
from edge_imgq.verify.drift import Fidelity
from tests.report.build import BASELINE, HOSTILE, REPORT, SKIPPED, comparison, with_target


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
