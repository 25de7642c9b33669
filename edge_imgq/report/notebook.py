"""HTML of results for notebooks: verdict, table, small picture, and collapsed details.

Only plain elements without style sheets or scripts, so that it works in any notebook and in print.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from edge_imgq.devices.latency import Latency
from edge_imgq.quantize.steps.quantization_step import QuantizationStep
from edge_imgq.report.drawing import ABSENT, milliseconds
from edge_imgq.report.format_metrics import tail
from edge_imgq.report.heading import heading, verdict
from edge_imgq.report.report import Report
from edge_imgq.report.report_table import COLUMNS, cells, report_table
from edge_imgq.report.time_text import timed_where
from edge_imgq.report.timing_table import timing_table
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.bench.timing import Timing


def report_html(report: Report, picture: NDArray[np.uint8] | None) -> str:
    """Return a report as HTML: verdict, a row per file, and the full text report, collapsed.

    Text is escaped; there are no style sheets or scripts.

    Args:
        report: The report.
        picture: uint8 RGB (H, W, 3) of the largest error; None for no picture.
    """
    rows = [cells(target) for target in report.targets]
    rows += [(f"{failed.target} !", "no file") for failed in report.failed]
    elements = [paragraph(heading(report)), paragraph(verdict(report), bold=True)]
    elements += [table(COLUMNS, rows)] if rows else []
    elements += [image(picture)] if picture is not None else []
    return "".join([*elements, _details("the whole report", report_table(report, explain=True))])


def timings_html(timings: Sequence[Timing]) -> str:
    """Return times of files as HTML: a row per file in ms, and the full text table, collapsed.

    Text is escaped; a file without time has the reason in its row.
    """
    columns = ("file", "device", ">median ms", ">p90 ms", "where")
    rows = [(timing.file, timing.device, *_times(timing)) for timing in timings]
    return table(columns, rows) + _details("all figures", timing_table(timings))


def steps_html(
    model: str, recipe: str, steps: Iterable[QuantizationStep], advice: Iterable[str]
) -> str:
    """Return the steps of a quantization as HTML: a row per step with its PSNR in dB.

    Text is escaped. A row says if the step was kept, or why it was not run.

    Args:
        model: One line on the model.
        recipe: Name of the quantization recipe.
        steps: Steps of the quantization, in order.
        advice: Sentences on the calibration images, a paragraph each.
    """
    said = f"{recipe}: dB to the float model on calibration patches that no step learned from"
    rows = [(step.name, *_gain(step)) for step in steps]
    elements = [paragraph(model), paragraph(said), table(("step", ">dB", "kept"), rows)]
    return "".join([*elements, *(paragraph(sentence) for sentence in advice)])


def paragraph(text: str, *, bold: bool = False) -> str:
    """Return text, HTML-escaped, as a `p` element; bold if asked."""
    return f"<p>{'<b>' * bold}{escape(text)}{'</b>' * bold}</p>"


def preformatted(text: str) -> str:
    """Return text, HTML-escaped, as a `pre` element, which keeps line breaks and columns."""
    return f"<pre>{escape(text)}</pre>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return an HTML table of text, which is escaped.

    Args:
        columns: Headings; a leading ">" right-aligns the column.
        rows: Cells; short rows are padded with empty cells.

    Raises:
        ValueError: A row has more cells than there are columns.
    """
    sides = ["right" if column.startswith(">") else "left" for column in columns]
    heads = _row("th", [column.removeprefix(">") for column in columns], sides)
    body = "".join(_row("td", [*row, *[""] * (len(columns) - len(row))], sides) for row in rows)
    return f"<table><thead>{heads}</thead><tbody>{body}</tbody></table>"


def image(pixels: NDArray[np.uint8]) -> str:
    """Return uint8 RGB pixels (H, W, 3) as an `img` element with an embedded lossless PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    text = base64.b64encode(stream.getvalue()).decode()
    height, width = pixels.shape[:2]
    return f'<img width="{width}" height="{height}" src="data:image/png;base64,{text}">'


def _details(summary: str, text: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{preformatted(text)}</details>"


def _row(kind: str, texts: Sequence[str], sides: Sequence[str]) -> str:
    pairs = zip(texts, sides, strict=True)
    inside = "".join(
        f'<{kind} style="text-align: {side}">{escape(text)}</{kind}>' for text, side in pairs
    )
    return f"<tr>{inside}</tr>"


def _times(timing: Timing) -> tuple[str, str, str]:
    latency = timing.latency
    if isinstance(latency, Latency):
        return milliseconds(latency.median_ms), tail(latency), timed_where(latency)
    return ABSENT, ABSENT, latency.reason


def _gain(step: QuantizationStep) -> tuple[str, str]:
    if isinstance(step.psnr, Skipped):
        return ABSENT, f"not run: {step.psnr.reason}"
    return f"{step.psnr:.1f}", "yes" if step.kept else "no: it was not nearer"
