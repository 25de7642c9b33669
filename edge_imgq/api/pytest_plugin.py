"""Pytest plugin: `edge_imgq.assert_no_drift(model, budget_db=0.05)`, one test per target.

    def test_int8_is_near_enough(edge_imgq):
        edge_imgq.assert_no_drift("models/denoiser.onnx", budget_db=0.05, images="pairs")

Pytest loads it by its entry point. A test with the fixture runs once for each recipe selected by
`edge_imgq_targets` in pytest's configuration, "*-int8" by default. Each model is exported once per
session.
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
    """Add pytest's ini option `edge_imgq_targets`, which selects the targets to test.

    It takes names, globs or families of export recipes, separated by spaces.
    """
    parser.addini(OPTION, "recipes of edge-imgq to test, as --target names them", "args", [])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses the fixture `edge_imgq` once per target of the ini option.

    "*-int8" if the option is not set. A test that parametrizes the fixture itself is left alone.

    Raises:
        UsageError: the ini option names a target that does not exist.
        RecipeError: a recipe cannot be read.
    """
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize") if mark.args]
    if FIXTURE in metafunc.fixturenames and FIXTURE not in own:
        metafunc.parametrize(FIXTURE, _targets(metafunc.config), indirect=True)


def _targets(config: pytest.Config) -> list[str]:
    from edge_imgq.recipe.folders import selected_recipes

    chosen, errors = selected_recipes(config.getini(OPTION) or [EVERY_INT8])
    for error in errors.values():
        raise error
    return [recipe.name for recipe in chosen]


@dataclass(frozen=True)
class DriftCheck:
    """Drift check of one target.

    Attributes:
        target: name of the target's recipe.
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
        """Fail the test if the target's file exceeds a drift budget; return its figures.

        The test also fails, with the error's message, if the model or its file cannot be made or
        read.

        Args:
            model: folder of files written by `export`, which are measured unchanged; or a model
                that `open` takes or returned, which is exported first.
            budget_db: limit on the mean loss of PSNR against the truth, in dB.
            worst_db: limit on the loss on any single image, in dB; None for none.
            fidelity_db: least mean PSNR against the float model's images, in dB, for tasks without
                truth. If there is a truth, the other limits apply as well.
            images: photographs to measure on, as for `export`; None for those that ship.
            calibration: photographs to choose int8 ranges on, as for `export`; None for those that
                ship.
            scheme: quantization recipe: name, path or recipe; None for the target's own.
            sizes: input (height, width) of the files, or several; empty as for `export`.
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
        """Measure the target's file in a folder; skip the test if it is missing or cannot run."""
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
    """Return a function that exports a model and caches the result for the session."""
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
            result = export(
                model,
                targets=_targets(request.config),
                output=tmp_path_factory.mktemp(FIXTURE),
                images=images,
                calibration=calibration,
                scheme=scheme,
                sizes=sizes,
                bench=False,
            )
            known[key] = (asked, result)  # what lives on keeps its identity
        return known[key][1]

    return exported


def _identity(value: object) -> object:
    """Return a hashable cache key: equal for equal paths, numbers or sequences; else the id."""
    if value is None or isinstance(value, (str, os.PathLike)):
        return value if value is None else Path(value).resolve()
    if isinstance(value, (int, list, tuple)):
        return value if isinstance(value, int) else tuple(map(_identity, value))
    return id(value)


@pytest.fixture
def edge_imgq(
    request: pytest.FixtureRequest, _edge_imgq_exports: Callable[..., ModelResult]
) -> DriftCheck:
    """Fixture: the drift check of one target; a test that asks for it runs once per target.

    Targets are those of the ini option `edge_imgq_targets`, by default every int8 one. The test
    calls `edge_imgq.assert_no_drift(model)`, which exports and measures the model, returns the
    file's figures, and fails the test if it exceeds a budget or cannot be made. A model is exported
    once per session.
    """
    return DriftCheck(request.param, _edge_imgq_exports)


def _problem(
    file: FileResult, budget: float, worst: float | None, fidelity: float | None
) -> str | None:
    """Return a sentence that says which limit a file exceeds; None if it meets all."""
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
