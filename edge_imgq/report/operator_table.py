"""Text table of all operators of a file."""

from __future__ import annotations

from collections.abc import Sequence

from edge_imgq.report.description import FileDescription, KernelWindow, OperatorRow
from edge_imgq.report.drawing import WIDTH, WORDS, by, draw, folded, large_count, new_table
from edge_imgq.runtime.placement.rules import AcceleratorPlacement

KIND, SHAPE = 18, 16
"""Columns at which operator kinds and output shapes are folded."""

HANGING = "  "
"""Indent of continuation lines."""

GAP = 2
"""Spaces that `draw` puts between table columns."""


def operator_table(description: FileDescription) -> str:
    """Return a text table of at most 80 columns with a row per operator in execution order.

    Rows have kernel, shape and type of the output, MACs for one image, parameters, and a letter per
    accelerator that takes the operator; a legend follows. Output names get a column of their own or
    stand below the operator types, whichever takes fewer lines without cutting a name within a
    word.
    """
    rows, units = description.operators, _units(description)
    headings = ["kernel", "shape", "type", ">MACs", ">params", *(["on"] if units else [])]
    cells = [[*_figures(row), *_marks(units, index)] for index, row in enumerate(rows)]
    columns = zip(headings, *cells, strict=True)
    labels, named = _named(rows, WIDTH - sum(_widest(column) + GAP for column in columns))
    table = new_table(*labels, *headings)
    for first, figures in zip(named, cells, strict=True):
        table.add_row(*first, *figures)
    legend = [*_signs(rows), *_legend(units)]
    return "\n".join([draw(table), *(["", *legend] if legend else [])])


def _named(rows: Sequence[OperatorRow], room: int) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return headings and cells for operator kinds and output names within `room` characters."""
    kinds = [folded(f"{row.kind}+{row.fused}" if row.fused else row.kind, KIND) for row in rows]
    width = room - GAP - _widest(["operator", *kinds])
    names = [row.name for row in rows]
    below = [
        (f"{kind}\n{folded(HANGING + name, room, HANGING)}",)
        for kind, name in zip(kinds, names, strict=True)
    ]
    if all(len(word) <= width for name in names for word in WORDS.split(name)):
        beside = [(k, folded(name, width)) for k, name in zip(kinds, names, strict=True)]
        if _height(beside) <= _height(below):
            return ["operator", "output"], list(beside)
    return ["operator and output"], list(below)


def _height(rows: Sequence[tuple[str, ...]]) -> int:
    return sum(1 + max(cell.count("\n") for cell in cells) for cells in rows)


def _units(description: FileDescription) -> list[AcceleratorPlacement]:
    return [placed for placed in description.placements if placed.verdicts]


def _marks(units: Sequence[AcceleratorPlacement], index: int) -> list[str]:
    """Return one letter per accelerator: its initial if it takes the operator, else a dot."""
    marks = "".join(unit.unit[0] if unit.verdicts[index].taken else "·" for unit in units)
    return [marks] if units else []


def _legend(units: Sequence[AcceleratorPlacement]) -> list[str]:
    said = (f"{unit.unit[0]} {unit.unit}{' (measured)' * unit.measured}" for unit in units)
    return [f"on: {', '.join(said)}; · not"] if units else []


def _figures(row: OperatorRow) -> list[str]:
    counts = large_count(row.macs), large_count(row.parameters)
    return [_kernel(row.window), folded(by(row.shape), SHAPE), row.dtype, *counts]


def _kernel(window: KernelWindow | None) -> str:
    """Return a window as text, such as "3×3 s2"; `_signs` is the legend."""
    if window is None:
        return ""
    said = [by(window.kernel), *(f"{sign}{said}" for sign, said in _beyond(window).items())]
    return "\n".join([" ".join(said[:2]), *(HANGING + more for more in said[2:])])


def _beyond(window: KernelWindow) -> dict[str, str]:
    """Return the stride, dilation and groups of a window that are not 1, by abbreviation."""
    pairs = {"s": window.stride, "d": window.dilation}
    parameters = {
        sign: str(pair[0]) if pair[0] == pair[1] else by(pair)
        for sign, pair in pairs.items()
        if pair != (1, 1)
    }
    return parameters | ({"g": str(window.groups)} if window.groups > 1 else {})


def _signs(rows: Sequence[OperatorRow]) -> list[str]:
    used = {sign for row in rows if row.window for sign in _beyond(row.window)}
    words = {"s": "s stride", "d": "d dilation", "g": "g groups of channels"}
    said = ", ".join(word for sign, word in words.items() if sign in used)
    return [f"kernel: height×width; {said}"] if used else []


def _widest(cells: Sequence[str]) -> int:
    return max((len(line) for cell in cells for line in cell.split("\n")), default=0)
