"""`edge_imgq.check`: the files that lie there, and those that ship, against a baseline."""

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
    """Whether files keep what a baseline says.

    Attributes:
        comparison: the verdicts, with the figures that they are about.
        notes: sentences on what was written beside.
    """

    comparison: BaselineComparison = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether no target fails, and at least one was compared."""
        return not self.comparison.fails

    @property
    def verdict(self) -> str:
        """Whether it passes, in a sentence that counts the targets."""
        from edge_imgq.report.verdict_table import headline

        return headline(self.verdicts)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each target, and for each copy that ships."""
        return self.comparison.verdicts

    def __iter__(self) -> Iterator[Verdict]:
        """Go through the verdicts."""
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
    """Figures that were written into a baseline.

    Attributes:
        path: of the baseline.
        notes: sentences on what was written, what is not judged, and which figures were kept or
            dropped though nothing was measured.
    """

    path: Path
    notes: tuple[str, ...]

    def __fspath__(self) -> str:
        """Return the baseline's path as text."""
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
    """Compare exported files with a committed baseline and the budgets that they were held to.

    The report beside the files vouches for those whose digest it has; every other file is measured
    anew, and so are all where the report was made with other versions.

    Args:
        paths: models' folders, their `report.json`, or the folder of several models; results of an
            export will do too.
        baseline: the file that `update_baseline` wrote. It states its own tolerances.
        shipped: copies that ship, in an app's assets for example: each must be one of the files.
        require: targets that must pass, one or several; "quality": that none is unjudged.
        images: folder of photographs to measure files anew on; None for those that ship.
        html: file for a page that holds all it shows; None for none, here and below.
        pictures: folder for pictures of what fails.
        junit: file for JUnit XML.
        markdown: file for Markdown, which shows the pictures.
        history: file of earlier figures for the page, as `verify --history` keeps them.
        threads: processor threads.
        cache: whether what was measured of the same files before is taken as it was.
        progress: called with every step before it begins.

    Raises:
        UsageError: there is no report or copy, or there are two reports of one model; nothing is
            called as a required target is; or files must be measured anew, and nobody names their
            images.
        RecipeError: the baseline or a report cannot be read.
    """
    from edge_imgq.pipeline.check.check import look, verdicts
    from edge_imgq.pipeline.check.required_targets import refuse_unknown
    from edge_imgq.pipeline.check.write_verdict import Forms, write_forms
    from edge_imgq.report.baseline_comparison import BaselineComparison
    from edge_imgq.report.baseline_file import read_baseline

    copies = as_paths(shipped) if shipped else ()
    for copy in copies:
        if not copy.exists():
            raise UsageError(f"There is no file {copy}.")
    names = (require,) if isinstance(require, str) else tuple(require)
    request = _request(paths, copies, names, images, threads, cache=cache)
    forms = Forms(
        as_path(html), as_path(pictures), as_path(junit), as_path(markdown), _history(history, html)
    )
    known, watch = read_baseline(Path(baseline)), progress or unwatched
    refuse_unknown(request.required, request.paths, known)
    looked = look(request, watch)
    found = verdicts(looked, known, request, watch)
    comparison = BaselineComparison(found, tuple(one.report for one in looked), known)
    return CheckResult(comparison, write_forms(forms, looked, comparison, request, watch))


def update_baseline(
    paths: AnyPath | Iterable[AnyPath],
    baseline: AnyPath,
    *,
    images: AnyPath | None = None,
    threads: int = 1,
    cache: bool = True,
    progress: Progress | None = None,
) -> BaselineUpdate:
    """Write the figures of exported files into a baseline; its tolerances stay.

    Args:
        paths: as for `check`.
        baseline: the file; it is made where there is none.
        images: as for `check`.
        threads: likewise.
        cache: likewise.
        progress: called with every step before it begins.

    Raises:
        DriftError: a file is not the one that its report vouches for.
        UsageError: no target of a model was measured; or as for `check`.
        RecipeError: a report, or the baseline that is there, cannot be read.
    """
    from edge_imgq.pipeline.check.check import look
    from edge_imgq.pipeline.check.update_baseline import update_baseline as run

    request, place = _request(paths, (), (), images, threads, cache=cache), Path(baseline)
    return BaselineUpdate(place, run(place, look(request, progress or unwatched)))


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
    """Return the entries that the page is to show; none where no history was named.

    Raises:
        UsageError: a history was named, and no page.
        RecipeError: it is none that edge-imgq wrote.
    """
    from edge_imgq.report.history import read_history

    if history is None:
        return ()
    if html is None:
        raise UsageError("--history is shown on the page: say --html FILE, too.")
    return read_history(Path(history))
