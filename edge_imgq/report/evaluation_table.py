"""Text table of an evaluation."""

from __future__ import annotations

from edge_imgq.report.drawing import ABSENT, draw, new_table, wrapped
from edge_imgq.report.evaluation import Detection, Evaluation
from edge_imgq.skipped import Skipped
from edge_imgq.wording import count_of


def evaluation_table(evaluation: Evaluation) -> str:
    """Return an evaluation as text of at most 80 columns, a row per condition and method.

    Rows have mean PSNR and PSNR-B in dB, SSIM, and the share of images above the condition's first
    row in percent. The protocol follows, and a table of a detector's boxes, if one was named.
    """
    table = new_table("condition", "method", ">PSNR dB", ">SSIM", ">PSNR-B", ">better")
    for row in evaluation.rows:
        psnr_b = ABSENT if row.mean.psnr_b is None else f"{row.mean.psnr_b:.2f}"
        better = f"{100 * row.better:.0f}%"
        cells = (f"{row.mean.psnr:.2f}", f"{row.mean.ssim:.4f}", psnr_b, better)
        table.add_row(row.condition, row.method, *cells)
    count = len({image.image for image in evaluation.images})
    heading = (
        f"{evaluation.model}: {evaluation.task}, {count_of(count, 'image')} of {evaluation.set}"
    )
    note = f"{evaluation.protocol} better: images above the first row of the condition."
    return "\n\n".join(
        (wrapped(heading), draw(table), wrapped(note), *_boxes(evaluation.detection))
    )


def _boxes(detection: Detection | Skipped | None) -> tuple[str, ...]:
    """Return the paragraphs on a detector's boxes."""
    if detection is None:
        return ()
    if isinstance(detection, Skipped):
        return (wrapped(f"detection skipped: {detection.reason}"),)
    table = new_table("condition", "method", ">precision", ">recall", ">F1", ">AP")
    for row in detection.rows:
        precision = ABSENT if row.precision is None else f"{row.precision:.3f}"
        others = (f"{figure:.3f}" for figure in (row.recall, row.f1, row.average_precision))
        table.add_row(row.condition, row.method, precision, *others)
    objects = count_of(detection.references, "object")
    heading = f"{detection.detector}: {objects} in the originals"
    note = (
        f"Reference: boxes in the originals with a score of {detection.least_score:g} or more. "
        "Correct: IoU 0.5 with one of the same label. Precision, recall and F1 count boxes of that "
        "score, AP all boxes by falling score."
    )
    return (wrapped(heading), draw(table), wrapped(note))
