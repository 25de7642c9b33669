"""Text form of the description of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edge_imgq.contract import FileNote
from edge_imgq.formats import FORMATS
from edge_imgq.report.contract_text import contract_lines
from edge_imgq.report.description import FileDescription, TargetOutlook, TensorRow
from edge_imgq.report.drawing import (
    by,
    byte_count,
    draw,
    large_count,
    listed,
    new_table,
    packed,
    wrapped,
)
from edge_imgq.report.operator_table import operator_table
from edge_imgq.report.pass_table import pass_tables
from edge_imgq.runtime.placement.rules import AcceleratorPlacement
from edge_imgq.skipped import Skipped
from edge_imgq.wording import nodes_in_words


def description_table(name: str, description: FileDescription, operators: bool) -> str:
    """Return the description of a file as text of at most 80 columns.

    It has size, memory, inputs and outputs, operators, accelerators, passes and targets.
    Activations are in bytes; MACs are those for one image.

    Args:
        name: Name of the file.
        description: Description of the file.
        operators: Whether to list every operator instead of one row per type.
    """
    table = operator_table(description) if operators else _kinds(description)
    paragraphs = [_head(name, description), table]
    if isinstance(description.compared_by, Skipped):
        said = f"not compared with the model that export reads: {description.compared_by.reason}"
        paragraphs.append(wrapped(said, "  "))
    if description.placements:
        paragraphs.append(_placements(description))
    if description.passes:
        paragraphs.append(pass_tables(description.passes))
    if description.targets and not _no_images(description):
        paragraphs.append(_outlook(description))
    return "\n\n".join(paragraphs)


def _head(name: str, description: FileDescription) -> str:
    at = description.counted_at
    heading = f"{name}: {description.format}, {byte_count(description.bytes)}, "
    if description.compiled_for:
        heading += f"compiled for the NPU of {description.compiled_for}"
    else:
        heading += f"{_parameters(description)}, {large_count(description.macs)} MACs per image"
    lines = [wrapped(heading if at is None else f"{heading} of {at[0]}x{at[1]}", "  ")]
    if description.model_parameters is not None and not description.compiled_for:
        lines += [wrapped(said, "  ") for said in _of_the_model(description)]
    lines.append(wrapped(_memory(description), "  "))
    lines += [_edge("input", row) for row in description.inputs]
    lines += [_edge("output", row) for row in description.outputs]
    lines += [wrapped(_no_image(row), "  ") for row in _no_images(description)]
    if description.note is None and description.contract and description.pixels:
        lines += contract_lines(description.contract, description.pixels)
    if description.note is not None:
        lines.append(_note(description.note))
        lines.append(wrapped(_sides(description, description.note), "  "))
    return "\n".join(lines)


def _parameters(description: FileDescription) -> str:
    count = f"{large_count(description.parameters)} parameters"
    return f"{count} ({large_count(description.zeros)} zero)" if description.zeros else count


def _of_the_model(description: FileDescription) -> list[str]:
    """Return a sentence on the parameters of the float model, if their count reads differently."""
    count, own = description.model_parameters or 0, description.parameters
    said = f"the float model has {large_count(count)} parameters"
    if large_count(own) == large_count(count):
        return []
    why = "; the form that this file computes it in repeats some and fills up with zeros"
    return [said + (why if own > count else "")]


def _outlook(description: FileDescription) -> str:
    """Return the targets that `export` can write for a model, and why it cannot write others."""
    if isinstance(description.targets, Skipped):
        return wrapped(f"export refuses this model: {description.targets.reason}", "  ")
    able = [
        row.target for row in description.targets if not (row.refused or row.missing or row.package)
    ]
    size = _needed_size(description, description.targets)
    lines = [f"export{size} can write {listed(able) or 'no target'}"]
    lines += [
        f"not {listed(targets)}, for {_nodes(operators)}: {reason}"
        for (reason, operators), targets in _reasons(description.targets).items()
    ]
    missing: dict[str, list[str]] = {}
    for row in description.targets:
        if row.missing and not row.refused:
            missing.setdefault(" ".join(row.missing), []).append(row.target)
    lines += [f"not the files for NPUs of {listed(names)}: {why}" for why, names in missing.items()]
    lines += [f"not {listed(names)}: {why}" for why, names in _packages(description.targets)]
    lines += _recipe_sizes(description.targets)
    return "\n".join(wrapped(line, "  ") for line in lines)


def _needed_size(description: FileDescription, outlook: Sequence[TargetOutlook]) -> str:
    """Return " with --size HxW" if `export` needs it, else "".

    Files for phones have one size, which neither the model nor a recipe of the user's own states.
    """
    at = description.counted_at
    if at is None or description.note or any(row.recipe_size for row in outlook):
        return ""
    return f" with --size {at[0]}x{at[1]}"


def _recipe_sizes(outlook: Sequence[TargetOutlook]) -> list[str]:
    """Return a line on the sizes that recipes of the user's own state; [] if there are none."""
    sizes: dict[tuple[int, int], list[str]] = {}
    for row in outlook:
        if row.recipe_size:
            sizes.setdefault(row.recipe_size, []).append(row.target)
    if not sizes:
        return []
    each = (f"{size[0]}x{size[1]} for {listed(names)}" for size, names in sizes.items())
    return [f"sizes, as its recipes state them: {'; '.join(each)} (another: --size)"]


def _nodes(operators: Sequence[str]) -> str:
    """Return operators such as "Kind 'name'" as a list that names each kind once."""
    return listed(nodes_in_words(map(_kind_and_name, operators)))


def _packages(outlook: Sequence[TargetOutlook]) -> list[tuple[str, list[str]]]:
    """Return sentences on missing packages, each with the targets that need it."""
    targets: dict[str, list[str]] = {}
    for row in outlook:
        if row.package and not row.refused:
            targets.setdefault(row.package, []).append(row.target)
    return list(targets.items())


def _kind_and_name(operator: str) -> tuple[str, str]:
    """Split "Kind 'name'" into the kind and name of an operator."""
    kind, _, name = operator.partition(" ")
    return kind, name[1:-1]


def _reasons(outlook: Sequence[TargetOutlook]) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    """Return targets by the pair of reason and refused operators."""
    refusing: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for row in outlook:
        operators: dict[str, list[str]] = {}
        for refused in row.refused:
            operators.setdefault(refused.reason, []).append(refused.operator)
        for reason, names in operators.items():
            refusing.setdefault((reason, tuple(names)), []).append(row.target)
    return refusing


def _no_images(description: FileDescription) -> list[TensorRow]:
    note = description.note
    if note is not None and not note.contract.returns_image:
        return []
    has_batch = any(f.has_batch for f in FORMATS.values() if f.name == description.format)
    ranks = (4,) if has_batch else (3, 4)
    return [row for row in description.outputs if len(row.shape) not in ranks]


def _no_image(row: TensorRow) -> str:
    """Return a sentence that an output is not an image, with the consequences."""
    return (
        f"{row.name} is not an image: enhance and evaluate refuse a network of other results, and "
        "so does export, but for vectors (1, N) (docs/ports.md)"
    )


def _memory(description: FileDescription) -> str:
    """Return the peak memory of the activations and the operator where it occurs."""
    memory = description.memory
    if isinstance(memory, Skipped):
        return f"memory of activations not known: {memory.reason}"
    rest = packed(memory.bytes, memory.arena)
    return f"activations: {byte_count(memory.bytes)} at once, at {memory.operator}{rest}"


def _note(note: FileNote) -> str:
    """Return origin, task, scale, colour and pixel range of a file as text."""
    contract = note.contract
    colour = "luma (Y of BT.601)" if contract.colour == "y" else "RGB"
    ports = f" {contract.port_words}" if contract.port_words else ""
    return wrapped(
        f"{note.model}, {note.target}, by edge-imgq {note.version}: {contract.task} ×"
        f"{contract.scale}, {colour}{ports}, pixels 0–255 stand for 0–{contract.peak:g}",
        "  ",
    )


def _sides(description: FileDescription, note: FileNote) -> str:
    """Return the input sizes that a file takes as text."""
    multiple = note.contract.multiple
    # Open dimensions are words instead of numbers.
    if any(isinstance(length, str) for row in description.inputs for length in row.shape[1:]):
        return "sides of any length" if multiple == 1 else f"sides are multiples of {multiple}"
    if description.sizes:
        names = ", ".join(f"h{height}_w{width}" for height, width in description.sizes)
        return f"signatures: {names}; the figures here are those of the first"
    if note.resizable:
        return f"the input may be resized{'' if multiple == 1 else f', to multiples of {multiple}'}"
    return "fixed to its size: at another it would fail or compute something else"


def _edge(side: str, row: TensorRow) -> str:
    scale = "" if row.scale is None else f", scale {row.scale:.6g}, zero point {row.zero_point}"
    return wrapped(f"{side} {row.name}: {row.dtype} {by(row.shape)}{scale}", "  ")


def _kinds(description: FileDescription) -> str:
    table = new_table("operator", ">count", ">MACs", ">parameters")
    for kind, count in description.kinds.items():
        rows = [row for row in description.operators if row.kind == kind]
        macs, parameters = sum(r.macs for r in rows), sum(r.parameters for r in rows)
        table.add_row(kind, str(count), large_count(macs), large_count(parameters))
    return draw(table)


def _placements(description: FileDescription) -> str:
    """Return a table of accelerators with operator counts, and the reasons for refusals."""
    table = new_table("accelerator", ">takes", ">partitions", "known")
    notes = []
    for placed in description.placements:
        takes = f"{placed.taken} of {len(placed.verdicts)}" if placed.verdicts else "—"
        count = str(placed.partitions) if placed.verdicts else "—"
        table.add_row(placed.unit, takes, count, placed.basis)
        notes += [wrapped(line, "  ") for line in _refusals(description, placed)]
    return "\n\n".join(paragraph for paragraph in (draw(table), "\n".join(notes)) if paragraph)


def _refusals(description: FileDescription, placed: AcceleratorPlacement) -> list[str]:
    """Return a line per kind of refused operator and reason."""
    pairs = zip(description.operators, placed.verdicts, strict=False)
    reasons = Counter(
        (row.kind, verdict.reason, verdict.source) for row, verdict in pairs if not verdict.taken
    )
    return [
        f"{placed.unit}, not {count} × {kind}: {reason}" + (f" ({source})" if source else "")
        for (kind, reason, source), count in reasons.items()
    ]
