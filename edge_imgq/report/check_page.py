"""Self-contained HTML page of verdicts, which loads nothing and works offline."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.images.contact_sheet import largest_error_region
from edge_imgq.report.baseline_comparison import COLUMNS, SYMBOLS, BaselineComparison
from edge_imgq.report.drawing import ABSENT, milliseconds
from edge_imgq.report.drift_picture import GRADES, coloured, error_map
from edge_imgq.report.format_metrics import decibels
from edge_imgq.report.history import HistoryEntry, by_file
from edge_imgq.report.image_comparison import ImageComparison
from edge_imgq.report.time_text import timed_where
from edge_imgq.report.verdict import TargetKey, Verdict
from edge_imgq.report.verdict_table import change_lines, headline
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from typing import TypeAlias

    from jinja2 import Template
    from numpy.typing import NDArray

    from edge_imgq.report.sensitivity import Sensitivity

    Pixels: TypeAlias = NDArray[np.uint8]

TEMPLATE = "page.html.j2"

SIDE = 224
"""Side of the crop that the viewer shows, in pixels."""

MAX_BYTES = 2_600_000
"""Maximum bytes of all pictures; the rest is left out, and the page says how many."""


@dataclass(frozen=True)
class Shown:
    """A picture on the page: data URIs of the crops, and their position in the whole image.

    Attributes:
        name: Name of the image.
        psnr: PSNR of the whole file image against the float model's, in dB.
        float_image, file_image: Data URIs of the crops.
        errors: Data URI of the error map of the crops.
        width, height: Size of the crops, in pixels.
        where: Their rows and columns in the output image, as text.
    """

    name: str
    psnr: float
    float_image: str
    file_image: str
    errors: str
    width: int
    height: int
    where: str

    @property
    def bytes(self) -> int:
        """Length of the three data URIs, which is what they add to a page, in characters."""
        return len(self.float_image) + len(self.file_image) + len(self.errors)


def check_page(
    comparison: BaselineComparison,
    pictures: Mapping[TargetKey, Sequence[ImageComparison]],
    history: Sequence[HistoryEntry] = (),
    notes: Sequence[str] = (),
    layers: Sequence[Sensitivity] = (),
) -> str:
    """Return the HTML page of a check: headline, a row per target, reasons, images and history.

    The page loads nothing and works offline. Pictures beyond 2.6 MB are left out, the worst of each
    target last, and the page says how many.

    Args:
        comparison: Verdicts and values to show.
        pictures: Worst images of each target, worst first, by (model, target).
        history: Earlier runs; those of other models are left out.
        notes: Sentences on the page itself, such as why it has no pictures.
        layers: Sensitivity analyses of the models, shown as tables.
    """
    template = html_template(TEMPLATE)
    shown, left_out = _fitting(pictures)
    return template.render(
        headline=headline(comparison.verdicts),
        outcome=comparison.outcome,
        compared=bool(comparison.baseline.models),
        columns=COLUMNS,
        symbols=SYMBOLS,
        rows=[_row(comparison, verdict, shown) for verdict in comparison.verdicts],
        changes=change_lines(comparison.verdicts),
        reports=comparison.reports,
        notes=(*comparison.notes, *notes),
        grades=_grades(),
        left_out=left_out,
        layers=layers,
        history=_history(comparison, history),
    )


def html_template(name: str) -> Template:
    """Load a Jinja template of this folder by its file name; it can include others.

    Values are HTML-escaped. An undefined variable raises jinja2.UndefinedError when it is rendered.

    Raises:
        jinja2.TemplateNotFound: There is no such file.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
    )
    return environment.get_template(name)


def _row(
    comparison: BaselineComparison, verdict: Verdict, shown: Mapping[TargetKey, Sequence[Shown]]
) -> dict[str, Any]:
    """Return the template values of one target."""
    now = comparison.now(verdict)
    latency = None if now is None or isinstance(now.latency, Skipped) else now.latency
    return {
        "verdict": verdict,
        "cells": list(zip(COLUMNS, comparison.cells(verdict), strict=True)),
        "images": [] if now is None else sorted(now.images, key=lambda image: image.vs_reference),
        "latency": latency and f"{milliseconds(latency.median_ms)} ms: {timed_where(latency)}",
        "pictures": shown.get((verdict.model, verdict.target), ()),
    }


def _history(
    comparison: BaselineComparison, entries: Sequence[HistoryEntry]
) -> list[dict[str, Any]]:
    """Return the history of each file of the compared models, newest run first."""
    models = {report.model for report in comparison.reports}
    tables = []
    for of_file in by_file([entry for entry in entries if entry.model in models]):
        rows = [_history_cells(entry) for entry in reversed(of_file)]
        tables.append({"name": f"{of_file[0].model} {of_file[0].file}", "rows": rows})
    return tables


def _history_cells(entry: HistoryEntry) -> dict[str, str]:
    near, drop, time = entry.vs_float, entry.drop, entry.median_ms
    return {
        "when, UTC": entry.when.replace("T", " ")[:16],
        "edge-imgq": entry.version,
        "SHA-256": entry.sha256,
        "dB to float": ABSENT if near is None else decibels(near),
        # Adding zero turns a rounded -0.0 into 0.0.
        "drop, dB": ABSENT if drop is None else f"{round(drop, 3) + 0:.3f}",
        "ms": ABSENT
        if time is None
        else milliseconds(time) + "\N{NO-BREAK SPACE}?" * entry.disturbed,
        "where": entry.device,
    }


def _fitting(
    pictures: Mapping[TargetKey, Sequence[ImageComparison]],
) -> tuple[dict[TargetKey, list[Shown]], int]:
    """Return the pictures that fit in `MAX_BYTES`, and how many were left out.

    The worst picture of each target comes first, then the second of each, and so on.
    """
    fitting: dict[TargetKey, list[Shown]] = {}
    size, left_out = 0, 0
    for key, picture in _in_turns(pictures):
        shown = _shown(picture)
        if size + shown.bytes > MAX_BYTES:
            left_out += 1
            continue
        size += shown.bytes
        fitting.setdefault(key, []).append(shown)
    return fitting, left_out


def _in_turns(
    pictures: Mapping[TargetKey, Sequence[ImageComparison]],
) -> Iterable[tuple[TargetKey, ImageComparison]]:
    """Yield the first picture of each target, then the second of each, and so on."""
    for rank in range(max(map(len, pictures.values()), default=0)):
        for key, of_target in pictures.items():
            if rank < len(of_target):
                yield key, of_target[rank]


def _shown(picture: ImageComparison) -> Shown:
    one, other = picture.float_image, picture.file_image
    region = _around(largest_error_region(one, other), one.shape[:2])
    height, width = one[region].shape[:2]
    top, left = picture.top + region[0].start, picture.left + region[1].start
    where = f"rows {top} to {top + height}, columns {left} to {left + width}"
    return Shown(
        picture.name,
        picture.psnr,
        data_uri(one[region]),
        data_uri(other[region]),
        data_uri(coloured(error_map(one[region], other[region]))),
        width,
        height,
        where,
    )


def _around(region: tuple[slice, slice], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return a window of at most `SIDE` × `SIDE` pixels around a region, within the image."""
    window = []
    for piece, length in zip(region, shape, strict=True):
        side = min(SIDE, length)
        start = min(max((piece.start + piece.stop - side) // 2, 0), length - side)
        window.append(slice(start, start + side))
    return window[0], window[1]


def data_uri(pixels: Pixels) -> str:
    """Return pixels as the data URI of a WebP image, uint8 (H, W, 3) RGB or (H, W, 1) gray.

    Lossless, since differences of one level matter.
    """
    from PIL import Image

    stream = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.save(stream, "WEBP", lossless=True, quality=80, method=4)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _grades() -> list[tuple[str, str]]:
    """Return the CSS colours of the error map, each with its lowest number of levels."""
    return [(f"rgb{colour}", f"{start}") for start, colour in GRADES.items()]
