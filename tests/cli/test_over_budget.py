"""`export --scheme int8-auto`: what becomes of int8 files over their budget."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
import pytest
from onnx import helper
from PIL import Image

from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.x86 import X86, X86_VNNI
from edge_imgq.pipeline.export import write_targets
from edge_imgq.pipeline.mixed_precision import mix_precision
from edge_imgq.pipeline.open_model.source import Source
from edge_imgq.pipeline.quantize import quantize_source
from edge_imgq.quantize.prepare import float_operators
from edge_imgq.quantize.quantize import Quantized
from edge_imgq.recipe.folders import shipped_folder
from edge_imgq.recipe.quantize import QuantizeRecipe, read_quantize_recipe
from edge_imgq.report.diagnosis import NOT_BY_ROUNDING, FileTimes
from edge_imgq.report.report import Report
from tests.cli.conftest import Run
from tests.quantize.mixed_precision.worst_layer_network import loud_everywhere, loud_network, photo

INT8 = ("coreml-int8", "onnx-int8", "tflite-int8")
FILES = ("onnx-int8.onnx", "tflite-int8.tflite")
Export = Callable[..., Any]


@pytest.fixture(autouse=True)
def integer_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep lone activations in int8; in float these networks are within budget without a search."""
    monkeypatch.setattr(float_operators, "OPERATOR_GROUPS", ())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with recipes whose budget is 38 dB, photographs and networks."""
    folder = tmp_path_factory.mktemp("project")
    for stage in ("export", "quantize"):
        shutil.copytree(shipped_folder(stage), folder / stage)
    for recipe in (folder / "export").glob("*-int8.toml"):
        text = recipe.read_text().replace("psnr_vs_reference = 35.0", "psnr_vs_reference = 38.0")
        recipe.write_text(text)
    for split, seeds in (("calibration", range(6)), ("evaluation", range(6, 8))):
        (folder / split).mkdir()
        for seed in seeds:
            Image.fromarray(photo(seed)).save(folder / split / f"{split}{seed}.png")
    networks = {"loud": loud_network(), "quiet": loud_network(1.0), "each": loud_everywhere()}
    for name, network in networks.items():
        onnx.save(with_rank(ir.to_proto(network)), folder / f"{name}.onnx")
    return folder


def with_rank(proto: onnx.ModelProto) -> onnx.ModelProto:
    shape = (None, None, None, None)
    out = helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, shape)
    proto.graph.output[0].CopyFrom(out)
    return proto


@pytest.fixture(scope="module")
def quantized() -> dict[str, Quantized]:
    """Return what this file's exports have quantized, by network and recipe."""
    return {}


@pytest.fixture
def export(
    run: Run,
    project: Path,
    quantized: dict[str, Quantized],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Export:
    """Export a network of the project with a scheme; return outcome, report and folder.

    What an earlier export quantized by the same recipe is taken as it is, but where a test asks
    for all of it `anew`.
    """
    monkeypatch.chdir(project)

    def quantize_once(source: Source, recipe: QuantizeRecipe, *more: Any) -> Quantized:
        key = f"{source.name} {recipe}"
        if key not in quantized:
            quantized[key] = quantize_source(source, recipe, *more)
        found = quantized[key]
        return replace(found, model=found.model.clone(), original=found.original.clone())

    def exported(
        network: str, scheme: str, *targets: str, timed: bool = False, anew: bool = False
    ) -> Any:
        monkeypatch.setattr(
            write_targets, "quantize_source", quantize_source if anew else quantize_once
        )
        folder = tmp_path / Path(scheme).stem
        outcome = run(
            *("export", f"{network}.onnx", "--scheme", scheme, "--size", "48x64", "--target"),
            *(targets or ("onnx-int8", "tflite-int8")),
            *("--calibration", "calibration", "--images", "evaluation"),
            *(() if timed else ("--no-bench",)),
            *("--output", folder),
        )
        report = json.loads((folder / network / "report.json").read_text())
        return outcome, report, folder / network

    return exported


def same_bytes(one: Path, other: Path) -> bool:
    return all((one / file).read_bytes() == (other / file).read_bytes() for file in FILES)


def test_one_loud_layer_is_kept_in_float_and_all_files_are_within_budget(export: Export) -> None:
    outcome, report, folder = export("loud", "int8-auto", *INT8)
    assert outcome.code == 0, outcome.err
    assert [target["target"] for target in report["targets"]] == list(INT8)
    assert min(target["vs_reference"]["mean"] for target in report["targets"]) >= 38
    (scheme,) = report["schemes"]
    mixed = scheme["diagnosis"]["mixed_precision"]
    assert mixed["layers"] == ["first", "second"]
    assert 1 < mixed["time"] <= 0.8 * mixed["time_in_float"]
    assert mixed["recipe"] == "mixed.toml"
    (breach,) = (said for said in mixed["int8_breaches"] if "tflite-int8" in said)
    assert re.fullmatch(r"tflite-int8 is \d\d\.\d+ dB against .*; the budget requires 38", breach)
    recipe = read_quantize_recipe(folder / "mixed.toml")
    assert recipe.precision == {"first": "float", "second": "float"}
    assert recipe.when_over_budget == "nothing"
    kept = sorted(path.name for path in (folder / "reference").iterdir())
    assert kept == ["float.onnx", "mixed.onnx", "original.onnx"]
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    said = " ".join(outcome.out.split())
    assert "2 layers in float (first, second), as mixed.toml beside the files says" in said
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_the_recipe_that_is_written_makes_the_same_files(export: Export) -> None:
    _, _, folder = export("loud", "int8-auto")
    outcome, _, again = export("loud", str(folder / "mixed.toml"), anew=True)
    assert outcome.code == 0, outcome.err
    assert same_bytes(folder, again)


def test_where_every_layer_hurts_the_int8_files_stay_and_float_is_to_be_shipped(
    export: Export,
) -> None:
    outcome, report, folder = export("each", "int8-auto")
    assert outcome.code == 1
    assert all(target["breaches"] for target in report["targets"])
    reason = report["schemes"][0]["diagnosis"]["mixed_precision"]["skipped"]
    assert reason.startswith("ship onnx-float, tflite-float: with ")
    assert re.search(r"takes \d\d\.\d dB there, .* all in float, \d\.\d\d times", reason)
    assert reason[:30] in " ".join(outcome.out.split())
    _, _, plain = export("each", "int8")
    assert same_bytes(folder, plain)
    assert names(folder) == names(plain)
    assert names(folder / "reference") == names(plain / "reference")


@pytest.mark.parametrize(
    ("lost", "more"),
    [(0.0, ""), (30.0, f"; {NOT_BY_ROUNDING.reason}")],
    ids=["flips", "conversion"],
)
def test_mixed_files_that_fail_by_more_than_rounding_are_said_to_fail_by_that(
    export: Export, monkeypatch: pytest.MonkeyPatch, lost: float, more: str
) -> None:
    verified = mix_precision.write_and_verify

    def failing(*words: Any) -> Report:
        report = verified(*words)
        targets = [
            replace(
                target,
                breaches=("flips levels.",),
                vs_reference=replace(target.vs_reference, mean=target.vs_reference.mean - lost),
            )
            for target in report.targets
        ]
        return replace(report, targets=tuple(targets))

    monkeypatch.setattr(mix_precision, "write_and_verify", failing)
    outcome, report, _ = export("loud", "int8-auto")
    assert outcome.code == 1
    assert report["schemes"][0]["diagnosis"]["mixed_precision"]["skipped"] == (
        "ship onnx-float, tflite-float: with 2 layers in float onnx-int8 flips levels; tflite-int8 "
        f"flips levels{more}"
    )


@pytest.fixture
def timed_as(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let mixed files have chosen times; float ones take 10 ms, with all layers in int8 4."""

    def chosen(processor: KernelProfile, **milliseconds: float) -> None:
        found = tuple(
            FileTimes(f"{name}-int8", f"{name}-float", time, 4.0, 10.0)
            for name, time in milliseconds.items()
        )
        monkeypatch.setattr(mix_precision, "times_of_files", lambda *_: found)
        monkeypatch.setattr(mix_precision, "host_profile", lambda: processor)

    return chosen


def test_a_file_that_is_measured_to_be_slow_stays_int8_and_its_float_file_is_named(
    export: Export, timed_as: Callable[..., None]
) -> None:
    timed_as(X86_VNNI, onnx=8.1, tflite=7.9)
    outcome, report, folder = export("loud", "int8-auto", timed=True)
    assert outcome.code == 1
    breaches = {target["target"]: target["breaches"] for target in report["targets"]}
    assert breaches["onnx-int8"]
    assert not breaches["tflite-int8"]
    said = " ".join(outcome.out.split())
    assert "onnx-int8 would take 8.10 ms on this host, onnx-float 10.00 ms" in said
    assert "it stays int8. Ship onnx-float." in said
    assert "tflite-int8 takes 7.90 ms on this host" in said
    _, _, plain = export("loud", "int8")
    onnx_file, tflite = FILES
    assert (folder / onnx_file).read_bytes() == (plain / onnx_file).read_bytes()
    assert (folder / tflite).read_bytes() != (plain / tflite).read_bytes()
    assert names(folder / "reference") == ["float.onnx", "int8.onnx", "mixed.onnx", "original.onnx"]


def test_where_no_file_is_measured_to_be_quick_all_stay_int8(
    export: Export, timed_as: Callable[..., None]
) -> None:
    timed_as(X86_VNNI, onnx=8.1, tflite=12.0)
    outcome, report, folder = export("loud", "int8-auto", timed=True)
    assert outcome.code == 1
    reason = report["schemes"][0]["diagnosis"]["mixed_precision"]["skipped"]
    assert reason.startswith("ship onnx-float, tflite-float: with 2 layers in float ")
    assert "the budget of 38 dB to the float model and a drop of 0.35/0.75 dB" in reason
    assert "tflite-int8 would take 12.00 ms on this host, tflite-float 10.00 ms" in reason
    _, _, plain = export("loud", "int8")
    assert same_bytes(folder, plain)
    assert names(folder) == names(plain)


def test_a_host_without_products_of_bytes_does_not_speak_for_phones(
    export: Export, timed_as: Callable[..., None]
) -> None:
    timed_as(X86, onnx=12.0, tflite=12.0)
    outcome, _, folder = export("loud", "int8-auto", timed=True)
    assert outcome.code == 0, outcome.err
    assert (folder / "mixed.toml").exists()
    assert "tflite-int8 takes 12.00 ms on this host" in " ".join(outcome.out.split())


def test_within_budget_the_files_are_those_of_int8(export: Export) -> None:
    outcome, report, folder = export("quiet", "int8-auto")
    assert outcome.code == 0, outcome.err
    assert "within budget" in report["schemes"][0]["diagnosis"]["skipped"]
    _, _, plain = export("quiet", "int8")
    assert same_bytes(folder, plain)
    assert names(folder) == names(plain)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
