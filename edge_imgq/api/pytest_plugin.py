"""A pytest plugin: `edge_imgq.assert_no_drift(model, budget_db=0.05)`, one test for each target.

    def test_int8_is_near_enough(edge_imgq):
        edge_imgq.assert_no_drift("models/denoiser.onnx", budget_db=0.05, images="pairs")

pytest finds it by its entry point. A test that asks for the fixture runs once for each recipe that
`edge_imgq_targets` in pytest's configuration names, "*-int8" by default; a model is exported once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edge_imgq.api.arguments import AnyPath, Sizes
    from edge_imgq.api.model import ModelLike
    from edge_imgq.api.result import FileResult, ModelResult
    from edge_imgq.pipeline.image_selection import Images
    from edge_imgq.recipe.quantize import QuantizeRecipe

FIXTURE, OPTION = "edge_imgq", "edge_imgq_targets"
EVERY_INT8 = "*-int8"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that says for which targets tests run."""
    parser.addini(OPTION, "recipes of edge-imgq to test, as --target names them", "args", [])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each target of a test that asks for the fixture and names none itself."""
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize") if mark.args]
    if FIXTURE in metafunc.fixturenames and FIXTURE not in own:
        metafunc.parametrize(FIXTURE, _targets(metafunc.config), indirect=True)


def _targets(config: pytest.Config) -> list[str]:
    from edge_imgq.recipe.folders import export_recipes, select

    chosen = select(export_recipes(), config.getini(OPTION) or [EVERY_INT8])
    return [recipe.name for recipe in chosen]


@dataclass(frozen=True)
class DriftCheck:
    """One target, and what was exported so far.

    Attributes:
        target: its recipe's name.
    """

    target: str
    _exported: Callable[..., ModelResult] = field(repr=False)

    def assert_no_drift(
        self,
        model: ModelLike,
        *,
        budget_db: float = 0.05,
        worst_db: float | None = None,
        fidelity_db: float | None = None,
        images: Images | None = None,
        calibration: Images | None = None,
        scheme: AnyPath | QuantizeRecipe | None = None,
        sizes: Sizes = (),
    ) -> FileResult:
        """Fail the test where the target's file loses more than a budget; return its figures.

        Where the model or its file cannot be made or read, the test fails with the sentence that
        says why.

        Args:
            model: a folder of files that `export` wrote, whose file is measured as it is; or what
                `open` takes or returned, which is exported first.
            budget_db: PSNR against the truth that it may lose, mean over the images.
            worst_db: that it may lose on any one image; None for no such limit.
            fidelity_db: PSNR against the float model's images that it must have in the mean, for
                tasks whose truth is not known; then the other two hold where there is a truth.
            images: photographs to measure on, as for `export`.
            calibration: photographs to choose int8 ranges by, likewise.
            scheme: quantization recipe, likewise.
            sizes: height and width of the files' input, or several, likewise.
        """
        from edge_imgq.errors import EdgeImgqError

        try:
            if isinstance(model, (str, os.PathLike)) and Path(model).is_dir():
                file = self._verified(Path(model), images)
            else:
                file = self._exported(model, images, calibration, scheme, sizes)[self.target]
            problem = _problem(file, budget_db, worst_db, fidelity_db)
        except EdgeImgqError as error:
            problem = str(error)
        if problem:  # outside of `except`, whose error pytest would print before the sentence
            pytest.fail(problem, pytrace=False)
        return file

    def _verified(self, folder: Path, images: Images | None) -> FileResult:
        """Measure the target's file of a folder; skip the test where none is there or runs."""
        from edge_imgq.api.verify import verify
        from edge_imgq.pipeline.exported_files import exported_files

        files = [path for path in exported_files([folder]) if path.stem == self.target]
        if not files:
            pytest.skip(f"{folder} holds no file of {self.target}")
        (result,) = verify(files, images=images, bench=False).models
        if result.report.not_run:
            pytest.skip(result.report.not_run[0].reason)
        return result[self.target]


@pytest.fixture(scope="session")
def _edge_imgq_exports(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[..., ModelResult]:
    """Return what exports a model, and remembers what it exported."""
    known: dict[tuple[object, ...], tuple[object, ModelResult]] = {}

    def exported(
        model: ModelLike,
        images: Images | None,
        calibration: Images | None,
        scheme: AnyPath | QuantizeRecipe | None,
        sizes: Sizes,
    ) -> ModelResult:
        from edge_imgq.api.export import export

        asked = (model, images, calibration, scheme, sizes)
        key = tuple(map(_identity, asked))
        if key not in known:
            found = export(
                model,
                targets=_targets(request.config),
                output=tmp_path_factory.mktemp(FIXTURE),
                images=images,
                calibration=calibration,
                scheme=scheme,
                sizes=sizes,
                bench=False,
            )
            known[key] = (asked, found)  # what lives on keeps its identity
        return known[key][1]

    return exported


def _identity(value: object) -> object:
    """Return what two arguments have in common if they are the same: paths, sizes, or objects."""
    if value is None or isinstance(value, (str, os.PathLike)):
        return value if value is None else Path(value).resolve()
    if isinstance(value, (int, list, tuple)):
        return value if isinstance(value, int) else tuple(map(_identity, value))
    return id(value)


@pytest.fixture
def edge_imgq(
    request: pytest.FixtureRequest, _edge_imgq_exports: Callable[..., ModelResult]
) -> DriftCheck:
    """Measure what a target's file loses against the float model."""
    return DriftCheck(request.param, _edge_imgq_exports)


def _problem(
    file: FileResult, budget: float, worst: float | None, fidelity: float | None
) -> str | None:
    """Return what is wrong with a file in a sentence, None for nothing."""
    from edge_imgq.skipped import Skipped

    near, drop, name = file.vs_float, file.drop, file.target
    if fidelity is not None and near.mean < fidelity:
        return (
            f"{name} is {near.mean:.1f} dB against the float model in the mean "
            f"({near.worst:.1f} on {near.worst_image}), for at least {fidelity:g} dB."
        )
    if isinstance(drop, Skipped):
        if fidelity is not None:
            return None
        return f"{name} has no drop: {drop.reason}. Give fidelity_db=, dB to the float model."
    if drop.mean > budget:
        return (
            f"{name} loses {drop.mean:.3f} dB in the mean ({drop.worst:.3f} on "
            f"{drop.worst_image}), for a budget of {budget:g} dB."
        )
    if worst is not None and drop.worst > worst:
        return f"{name} loses {drop.worst:.3f} dB on {drop.worst_image}, for at most {worst:g} dB."
    return None
