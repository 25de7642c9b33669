"""Text table of the zoo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge_imgq.models.listing import ModelRow
from edge_imgq.report.drawing import ABSENT, draw, large_count, new_table, wrapped


def model_table(rows: Sequence[ModelRow], untrained: Iterable[str]) -> str:
    """Return a table of the zoo's networks as text of at most 80 columns.

    A sentence on each network follows, and the names of those without weights. PSNR is in dB, on
    the validation images that the network's card names; a dash if unknown.

    Args:
        rows: Networks with weights.
        untrained: Names of networks without weights; empty to omit that paragraph.
    """
    table = new_table("model", "task", ">scale", "colour", ">parameters", ">PSNR dB")
    for row in rows:
        psnr = ABSENT if row.psnr is None else f"{row.psnr:.2f}"
        count = large_count(row.parameters)
        table.add_row(row.name, row.task, f"×{row.scale}", row.colour, count, psnr)
    sentences = [wrapped(f"{row.name}: {row.summary}.", "  ") for row in rows]
    note = wrapped(
        "PSNR: on the validation images that a network's card names; `edge-imgq models NAME` shows "
        "the card."
    )
    names = ", ".join(untrained)
    rest = [wrapped(f"Without weights, for `edge-imgq train`: {names}.")] if names else []
    return "\n\n".join((draw(table), "\n".join([note, *sentences]), *rest))
