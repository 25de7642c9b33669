"""The description of a file as text."""

from __future__ import annotations

from edge_imgq.contract import FileNote
from edge_imgq.report.description import FileDescription, OperatorRow, TensorRow
from edge_imgq.report.drawing import byte_count, draw, large_count, new_table, wrapped


def description_table(name: str, description: FileDescription, operators: bool) -> str:
    """Return what a file consists of as text.

    Args:
        name: of the file.
        description: of the file.
        operators: list every operator, not only each kind.
    """
    heading = (
        f"{name}: {description.format}, {byte_count(description.bytes)}, "
        f"{large_count(description.parameters)} parameters, "
        f"{large_count(description.macs)} MACs per image"
    )
    edges = [_edge("input", row) for row in description.inputs]
    edges += [_edge("output", row) for row in description.outputs]
    if description.note is not None:
        edges.append(_note(description.note))
    table = _all_operators(description) if operators else _kinds(description)
    return "\n\n".join(("\n".join([wrapped(heading, "  "), *edges]), table))


def _note(note: FileNote) -> str:
    """Say what an app must know of the pixels."""
    contract = note.contract
    return wrapped(
        f"{note.model}, {note.target}, by edge-imgq {note.version}: {contract.task} ×"
        f"{contract.scale}, {contract.colour}, pixel 255 is {contract.peak:g}, sides are multiples "
        f"of {contract.multiple}",
        "  ",
    )


def _edge(side: str, row: TensorRow) -> str:
    scale = "" if row.scale is None else f", scale {row.scale:.6g}, zero point {row.zero_point}"
    return wrapped(f"{side} {row.name}: {row.dtype} {_shape(row.shape)}{scale}", "  ")


def _kinds(description: FileDescription) -> str:
    table = new_table("operator", ">count", ">MACs", ">parameters")
    for kind, count in description.kinds.items():
        rows = [row for row in description.operators if row.kind == kind]
        macs, parameters = sum(r.macs for r in rows), sum(r.parameters for r in rows)
        table.add_row(kind, str(count), large_count(macs), large_count(parameters))
    return draw(table)


def _all_operators(description: FileDescription) -> str:
    table = new_table("operator", "output", "shape", "type", ">MACs", ">parameters")
    for row in description.operators:
        table.add_row(*_operator(row))
    return draw(table)


def _operator(row: OperatorRow) -> tuple[str, ...]:
    kind = f"{row.kind}+{row.fused}" if row.fused else row.kind
    counts = large_count(row.macs), large_count(row.parameters)
    return (kind, row.name, _shape(row.shape), row.dtype, *counts)


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
