"""Check that required targets exist, so that a misspelt name is an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_imgq.errors import UsageError
from edge_imgq.recipe.export import recipe_name
from edge_imgq.recipe.folders import export_targets
from edge_imgq.report.baseline import Baseline
from edge_imgq.report.json_form import read_report, report_files
from edge_imgq.report.verdict import QUALITY
from edge_imgq.wording import no_such


def refuse_unknown(required: Sequence[str], paths: Sequence[Path], baseline: Baseline) -> None:
    """Raise for names of targets that no recipe, baseline or report has.

    Size suffixes, as in "tflite-int8-360x640", are accepted.

    Args:
        required: names of targets.
        paths: reports, folders of models, or folders of several models.
        baseline: baseline that the models are compared with.

    Raises:
        UsageError: a name is unknown, or a report is missing.
        RecipeError: a report cannot be read.
    """
    if not required:
        return
    known = list(dict.fromkeys(_known(paths, baseline)))
    for word in required:
        if word not in known and recipe_name(word) not in known:
            raise UsageError(no_such("target", word, known))


def _known(paths: Sequence[Path], baseline: Baseline) -> Iterator[str]:
    yield from export_targets()
    for model in baseline.models.values():
        yield from model.targets
    for report in (read_report(file) for path in paths for file in report_files(path)):
        yield from (target.target for target in report.targets)
        yield from (target.target for target in report.failed)
        yield from (Path(one.file).stem for one in report.not_run)
    yield QUALITY
