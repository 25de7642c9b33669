"""Digest the tensors of a model's graphs for a baseline, and report which of them changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edge_imgq.artifact import FLOAT_REFERENCE, REFERENCE_FOLDER, sha256_of
from edge_imgq.report.baseline import Baseline, ModelBaseline
from edge_imgq.report.report import Report
from edge_imgq.report.tensor_change import tensor_change
from edge_imgq.report.verdict import TargetKey, Verdict

Tensors = Mapping[str, Mapping[str, str]]
"""Stem of a graph's file in `reference/` → tensor name → digest line."""


def graph_tensors(folder: Path, report: Report) -> Tensors:
    """Return the tensor digests of the float model and of the graphs of a report's files.

    By stem of the graph's file, then by tensor name. Missing graphs, and graphs other than the
    report's, are left out.
    """
    from edge_imgq.graph.tensor_digests import tensor_digests

    return {path.stem: tensor_digests(path) for path in _graphs(folder, report)}


def with_tensor_changes(
    verdicts: Sequence[Verdict], folders: Mapping[Path, Report], baseline: Baseline
) -> Iterator[Verdict]:
    """Yield verdicts, with the first tensor of each graph that differs from the baseline added.

    Args:
        verdicts: verdicts; those without changes are yielded unchanged, and no graph is read.
        folders: folder of each model with its report.
        baseline: baseline that they were compared with.
    """
    said: dict[TargetKey, tuple[str, ...]] = {}
    changed = {verdict.model for verdict in verdicts if verdict.changes}
    for folder, report in folders.items():
        known = baseline.models.get(report.model)
        if known is None or report.model not in changed:
            continue
        of_graphs = _changes(folder, report, known)
        for target in report.targets:
            digests = (report.reference_sha256, target.quantized_sha256)
            lines = tuple(of_graphs[digest] for digest in digests if digest in of_graphs)
            said[report.model, target.target] = lines
    for verdict in verdicts:
        more = said.get((verdict.model, verdict.target), ()) if verdict.changes else ()
        yield replace(verdict, changes=(*verdict.changes, *more))


def _changes(folder: Path, report: Report, known: ModelBaseline) -> dict[str, str]:
    """Return graph digest → sentence on its first changed tensor, for graphs in the baseline."""
    from edge_imgq.graph.tensor_digests import tensor_digests

    known_digests = {known.float_sha256, *(f.quantized_sha256 for f in known.targets.values())}
    changes = {}
    for path, digest in _graphs(folder, report).items():
        before = known.tensors.get(path.stem)
        if not before or digest in known_digests:
            continue
        words = "the float model" if path.name == FLOAT_REFERENCE else f"the graph of {path.stem}"
        if said := tensor_change(words, before, tensor_digests(path)):
            changes[digest] = said
    return changes


def _graphs(folder: Path, report: Report) -> dict[Path, str]:
    """Return the graphs of a report with their digests, the float model first."""
    wanted = {report.reference_sha256, *(target.quantized_sha256 for target in report.targets)}
    reference = folder / REFERENCE_FOLDER
    paths = sorted(reference.glob("*.onnx"), key=lambda path: (path.name != FLOAT_REFERENCE, path))
    digests = {path: sha256_of(path) for path in paths}
    return {path: digest for path, digest in digests.items() if digest in wanted}
