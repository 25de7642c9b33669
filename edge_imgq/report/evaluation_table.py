"""Text table of an evaluation."""

from __future__ import annotations

from edge_imgq.report.drawing import ABSENT, draw, new_table, wrapped
from edge_imgq.report.evaluation import Evaluation
from edge_imgq.wording import count_of


def evaluation_table(evaluation: Evaluation) -> str:
    """Return a table of PSNR and SSIM, a row per condition and method, and the protocol."""
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
    return "\n\n".join((wrapped(heading), draw(table), wrapped(note)))
