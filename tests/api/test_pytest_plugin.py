"""The pytest plugin, run by pytest itself on a team's tests."""

from __future__ import annotations

import importlib
import shutil
import tomllib
from pathlib import Path

import onnx
import pytest
from PIL import Image

import edge_imgq as eiq
from tests.api.conftest import SIZE, Pixels
from tests.conftest import CHECKOUT
from tests.docs.blocks import blocks

pytest_plugins = ["pytester"]


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run a team's tests; the plugin is that of this tree, whatever is installed."""
    plugin = ("-p", "no:edge_imgq", "-p", "edge_imgq.api.pytest_plugin")
    return pytester.runpytest_inprocess(*plugin, *arguments)


def write_images(folder: Path, images: list[Pixels]) -> None:
    folder.mkdir(parents=True)
    for number, pixels in enumerate(images):
        Image.fromarray(pixels).save(folder / f"{number}.png")


def test_pytest_finds_it_by_its_entry_point() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"edge_imgq": "edge_imgq.api.pytest_plugin"}
    importlib.import_module("edge_imgq.api.pytest_plugin")


@pytest.fixture
def team(pytester: pytest.Pytester, exported: eiq.ModelResult, photos: list[Pixels]) -> Path:
    """Return a team's folder: the files of a model, photographs, and a fast scheme."""
    shutil.copytree(exported.folder, pytester.path / "residual")
    write_images(pytester.path / "photos", photos)
    return pytester.path


def test_there_is_one_test_for_each_target_and_the_setting_chooses(
    pytester: pytest.Pytester, team: Path
) -> None:
    pytester.makepyfile("def test_it(edge_imgq): pass")
    found = run(pytester, "--collect-only", "-q").stdout.str()
    assert {line for line in found.splitlines() if "::" in line} >= {
        f"{Path(found.split('::')[0]).name}::test_it[{name}]"
        for name in ("coreml-int8", "onnx-int8", "tflite-int8")
    }
    pytester.makeini("[pytest]\nedge_imgq_targets = tflite-int8 onnx")
    found = run(pytester, "--collect-only", "-q").stdout.str()
    assert [line.split("[")[1] for line in found.splitlines() if "::" in line] == [
        *("onnx-float]", "onnx-int8]", "tflite-int8]")
    ]


def test_files_within_budget_pass_and_one_that_is_not_there_is_skipped(
    pytester: pytest.Pytester, team: Path
) -> None:
    (team / "residual" / "onnx-int8.onnx").unlink()
    pytester.makepyfile(
        """
        def test_it(edge_imgq):
            file = edge_imgq.assert_no_drift("residual", fidelity_db=40, images="photos")
            assert file.target == edge_imgq.target == "tflite-int8"
        """
    )
    pytester.makeini("[pytest]\nedge_imgq_targets = tflite-int8 onnx-int8")
    done = run(pytester, "-rs")
    done.assert_outcomes(passed=1, skipped=1)
    done.stdout.fnmatch_lines(["*residual holds no file of onnx-int8"])


def test_a_model_that_cannot_be_exported_fails_in_one_sentence(
    pytester: pytest.Pytester, team: Path
) -> None:
    pytester.makepyfile("def test_it(edge_imgq): edge_imgq.assert_no_drift('gone.onnx')")
    pytester.makeini("[pytest]\nedge_imgq_targets = tflite-int8")
    done = run(pytester)
    done.assert_outcomes(failed=1)
    printed = done.stdout.str()
    assert "During handling" not in printed
    assert printed.partition("short test summary")[0].count("There is no model at") == 1


def test_a_file_over_budget_fails_in_a_sentence(pytester: pytest.Pytester, team: Path) -> None:
    pytester.makepyfile(
        """
        def test_near(edge_imgq):
            edge_imgq.assert_no_drift("residual", fidelity_db=90, images="photos")

        def test_lost(edge_imgq):
            edge_imgq.assert_no_drift("residual", images="photos")
        """
    )
    pytester.makeini("[pytest]\nedge_imgq_targets = tflite-int8")
    done = run(pytester)
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(
        [
            "tflite-int8 is ?*.? dB against the float model in the mean (*), for at least 90 dB.",
            "tflite-int8 has no drop: * Give fidelity_db=, dB to the float model.",
        ]
    )


def test_what_cannot_be_measured_fails_in_a_sentence(
    pytester: pytest.Pytester, team: Path, model: eiq.Model
) -> None:
    onnx.save(model.onnx(), team / "open.onnx")
    pytester.makepyfile(
        """
        def test_nowhere(edge_imgq):
            edge_imgq.assert_no_drift("models/gone.onnx", images="photos")

        def test_of_any_size(edge_imgq):
            edge_imgq.assert_no_drift("open.onnx", images="photos")

        def test_without_photographs(edge_imgq):
            edge_imgq.assert_no_drift("residual", images="nowhere")
        """
    )
    pytester.makeini("[pytest]\nedge_imgq_targets = tflite-int8")
    done = run(pytester)
    done.assert_outcomes(failed=3)
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*edge_imgq/*.py:*")
    done.stdout.fnmatch_lines(["*gone.onnx*", "*any height and width*--size*", "*nowhere*"])


def test_a_model_is_exported_once_for_all_targets(pytester: pytest.Pytester, team: Path) -> None:
    pytester.makepyfile(
        """
        import edge_imgq as eiq
        from edge_imgq.pipeline.export import export as pipeline

        RUNS = []

        def test_it(edge_imgq, monkeypatch):
            run = pipeline.export
            monkeypatch.setattr(pipeline, "export", lambda *a: RUNS.append(1) or run(*a))
            edge_imgq.assert_no_drift(
                "residual/reference/original.onnx",
                fidelity_db=40, images="photos", scheme="int8-fast", sizes=(48, 64),
            )
            assert len(RUNS) == 1
        """
    )
    pytester.makeini("[pytest]\nedge_imgq_targets = tflite-int8 onnx-int8")
    run(pytester).assert_outcomes(passed=2)


def test_the_test_of_the_page_runs_as_it_stands_there(
    pytester: pytest.Pytester, model: eiq.Model, calibration: list[Pixels], photos: list[Pixels]
) -> None:
    from onnx.tools.update_model_dims import update_inputs_outputs_dims

    page = CHECKOUT / "docs" / "pytest.md"
    (source,), (setting,) = blocks(page, "python"), blocks(page, "ini")
    (pytester.path / "models").mkdir()
    graph = model.onnx()
    shapes = [
        {value.name: [1, 3, *SIZE]} for value in (graph.graph.input[0], graph.graph.output[0])
    ]
    onnx.save(
        update_inputs_outputs_dims(graph, *shapes), pytester.path / "models" / "denoiser.onnx"
    )
    write_images(pytester.path / "photos", calibration)
    write_images(pytester.path / "pairs" / "input", photos)
    write_images(pytester.path / "pairs" / "truth", [pixels // 2 * 2 for pixels in photos])
    pytester.makepyfile(source)
    pytester.makeini(setting)
    done = run(pytester, "-v")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["*::test_int8_is_near_enough?tflite-int8? PASSED*"])
