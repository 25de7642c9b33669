"""`edge_imgq.check`: compare exported files, and copies of them in an app, with a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, Progress, as_path, as_paths, unwatched
from edge_imgq.errors import UsageError

if TYPE_CHECKING:
    from edge_imgq.pipeline.check.check import CheckRequest
    from edge_imgq.report.baseline_comparison import BaselineComparison
    from edge_imgq.report.history import HistoryEntry
    from edge_imgq.report.verdict import Verdict


@dataclass(frozen=True)
class CheckResult:
    """Comparison of exported files with a baseline.

    Attributes:
        comparison: verdicts with the figures they are based on.
        notes: sentences about the report files that were written.
    """

    comparison: BaselineComparison = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """True if no target fails and at least one was compared."""
        return not self.comparison.fails

    @property
    def verdict(self) -> str:
        """One sentence that says if the check passes and counts the targets."""
        from edge_imgq.report.verdict_table import headline

        return headline(self.verdicts)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict per target, then one per shipped copy."""
        return self.comparison.verdicts

    def __iter__(self) -> Iterator[Verdict]:
        """Iterate over the verdicts."""
        return iter(self.verdicts)

    def __str__(self) -> str:
        """Return the table that the command line prints."""
        from edge_imgq.report.verdict_table import verdict_table

        return verdict_table(self.verdicts, self.comparison.notes)

    def _repr_html_(self) -> str:
        from edge_imgq.report.baseline_comparison import COLUMNS
        from edge_imgq.report.notebook import paragraph, preformatted, table

        figures = self.comparison.cells
        rows = [(v.model, v.target, v.outcome, *figures(v)) for v in self.verdicts]
        columns = ("model", "target", "verdict", *(f">{column}" for column in COLUMNS))
        return "".join(
            [paragraph(self.verdict, bold=True), table(columns, rows), preformatted(str(self))]
        )


@dataclass(frozen=True)
class BaselineUpdate:
    """Result of writing figures into a baseline.

    Attributes:
        path: path of the baseline.
        notes: sentences that say which figures were written, which are not compared, and which were
            kept or dropped without a measurement.
    """

    path: Path
    notes: tuple[str, ...]

    def __fspath__(self) -> str:
        """Return the baseline's path as a string."""
        return str(self.path)

    def __str__(self) -> str:
        """Return the lines that the command line prints."""
        return "\n".join(self.notes)

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import paragraph

        return "".join(map(paragraph, self.notes))


def check(
    paths: AnyPath | Iterable[AnyPath],
    baseline: AnyPath,
    *,
    shipped: AnyPath | Iterable[AnyPath] = (),
    require: str | Iterable[str] = (),
    images: AnyPath | None = None,
    html: AnyPath | None = None,
    pictures: AnyPath | None = None,
    junit: AnyPath | None = None,
    markdown: AnyPath | None = None,
    history: AnyPath | None = None,
    threads: int = 1,
    cache: bool = True,
    progress: Progress | None = None,
) -> CheckResult:
    """Compare exported files with a committed baseline and with the budgets of their recipes.

    Figures of a file come from the report beside it if the report has the file's digest and was
    made with the same versions. All other files are measured again.

    Args:
        paths: folders of models, their `report.json`, a folder of several models, or results of
            `export`.
        baseline: file written by `update_baseline`; it states the tolerances.
        shipped: copies that ship, for example in an app's assets; each must equal one of the files.
        require: targets that must pass, one or several; "quality" requires a verdict on every file.
        images: folder of photographs for files to be measured again; None for those that ship.
        html: path of an HTML page with all results to write; None for no page.
        pictures: folder for pictures of what fails; None for none.
        junit: path of a JUnit XML file to write; None for none.
        markdown: path of a Markdown file, which shows the pictures, to write; None for none.
        history: file of earlier figures to show on the page, as written by `verify --history`.
        threads: processor threads.
        cache: True to reuse earlier measurements of identical files.
        progress: called before each step.

    Returns:
        A verdict on each file and copy; `passes` says whether the check succeeds.

    Raises:
        UsageError: a report or copy is missing, one model has two reports, a required target does
            not exist, or files must be measured again and their images are unknown.
        RecipeError: the baseline, a report or the history cannot be read.
        OutputError: an output cannot be written.
    """
    from edge_imgq.pipeline.check.check import check_models, verdicts
    from edge_imgq.pipeline.check.required_targets import refuse_unknown
    from edge_imgq.pipeline.check.write_verdict import CheckOutputs, write_outputs
    from edge_imgq.report.baseline_comparison import BaselineComparison
    from edge_imgq.report.baseline_file import read_baseline

    copies = as_paths(shipped) if shipped else ()
    for copy in copies:
        if not copy.exists():
            raise UsageError(f"There is no file {copy}.")
    names = (require,) if isinstance(require, str) else tuple(require)
    request = _request(paths, copies, names, images, threads, cache=cache)
    outputs = CheckOutputs(
        as_path(html), as_path(pictures), as_path(junit), as_path(markdown), _history(history, html)
    )
    known, watch = read_baseline(Path(baseline)), progress or unwatched
    refuse_unknown(request.required, request.paths, known)
    models = check_models(request, watch)
    judged = verdicts(models, known, request, watch)
    comparison = BaselineComparison(judged, tuple(model.report for model in models), known)
    return CheckResult(comparison, write_outputs(outputs, models, comparison, request, watch))


def update_baseline(
    paths: AnyPath | Iterable[AnyPath],
    baseline: AnyPath,
    *,
    images: AnyPath | None = None,
    threads: int = 1,
    cache: bool = True,
    progress: Progress | None = None,
) -> BaselineUpdate:
    """Write the figures of exported files into a baseline; its tolerances are kept.

    Figures come from the reports beside the files; files that were measured with other versions are
    measured again. Other models keep their figures, and so do targets of these models that were not
    measured if their figures are still comparable.

    Args:
        paths: folders of models, their `report.json`, a folder of several models, or results of
            `export`.
        baseline: path of the baseline; created if it does not exist.
        images: folder of photographs for files to be measured again; None for those that ship.
        threads: processor threads.
        cache: True to reuse earlier measurements of identical files.
        progress: called before each step.

    Raises:
        DriftError: a file is not the one in its report.
        UsageError: no target of a model was measured, a report is missing, one model has two
            reports, or files must be measured again and their images are unknown.
        RecipeError: a report or the existing baseline cannot be read.
        OutputError: the baseline cannot be written.
    """
    from edge_imgq.pipeline.check.check import check_models
    from edge_imgq.pipeline.check.update_baseline import update_baseline as run

    request, path = _request(paths, (), (), images, threads, cache=cache), Path(baseline)
    return BaselineUpdate(path, run(path, check_models(request, progress or unwatched)))


def _request(
    paths: AnyPath | Iterable[AnyPath],
    shipped: tuple[Path, ...],
    required: tuple[str, ...],
    images: AnyPath | None,
    threads: int,
    *,
    cache: bool,
) -> CheckRequest:
    from edge_imgq.pipeline.check.check import CheckRequest
    from edge_imgq.pipeline.check.remeasure import cache_folder

    folder = cache_folder() if cache else None
    return CheckRequest(as_paths(paths), shipped, required, as_path(images), threads, folder)


def _history(history: AnyPath | None, html: AnyPath | None) -> Sequence[HistoryEntry]:
    """Return the history entries for the HTML page; empty if `history` is None.

    Raises:
        UsageError: `history` is given without `html`.
        RecipeError: the file is not a history written by edge-imgq.
    """
    from edge_imgq.report.history import read_history

    if history is None:
        return ()
    if html is None:
        raise UsageError("--history is shown on the HTML page: add --html FILE.")
    return read_history(Path(history))
