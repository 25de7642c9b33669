"""The networks that ship, exported: what this project promises of them."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.export.tflite.describe import describe
from edge_imgq.formats import FORMATS
from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
from edge_imgq.models.zoo import ZOO, load_network
from edge_imgq.pipeline.export.export import ExportRequest, export
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.pipeline.verify.verify import VerifyRequest, verify
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.report.report import Report

FORBIDDEN = {"TRANSPOSE", "GATHER", "TRANSPOSE_CONV", "PRELU"}
LITERT_ALONE = """
import sys, numpy as np
from ai_edge_litert.interpreter import Interpreter
for path in sys.argv[1:]:
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    leaving = interpreter.get_output_details()[0]
    for entry in interpreter.get_input_details():
        interpreter.set_tensor(entry["index"], np.zeros(entry["shape"], entry["dtype"]))
    interpreter.invoke()
    assert "edge_imgq" not in sys.modules
    print(entry["dtype"].__name__, *leaving["shape"])
"""


IN_FULL = bool(os.environ.get("EDGE_IMGQ_PUBLISHED"))
"""Whether `make published` runs this: all networks of each kind as their recipes say."""

EVERY_TARGET = {"fsrcnn-s-x2", "dped-slim", "deblur-slim"}
"""One network of each kind is exported to every target, the others to those that differ most."""

ONCE = {"coreai-float16", "coreai-int8", "ncnn-int8"}
"""Targets that one network is exported to: they take a slow runtime, and a scheme of their own."""

ALIKE = {f"{family}-x{scale}" for family in ("fsrcnn-s", "espcn", "srcnn") for scale in (3, 4)}
"""Networks whose files are made as those of another that is exported here."""

LONG = {"fsrcnn-x3", "fsrcnn-x4", "srcnn-x2", "vdsr-slim-x2", "denoise-slim", "jpeg-slim"}
"""Networks whose weights are rounded to the nearest here, which must be within budget as well."""


def targets_of(name: str) -> list[str]:
    """Return the names of the recipes that a network is exported by here."""
    if name not in EVERY_TARGET:
        return ["tflite-float", "tflite-int8"]
    # Files for NPUs have tests of their own: no compiler of theirs is installed everywhere.
    extras = {name: entry.extra for name, entry in FORMATS.items()}
    here = {name for name, extra in extras.items() if extra is None or find_spec(extra.module)}
    found = [r.name for r in export_recipes() if not r.chips and r.format in here]
    return found if IN_FULL or name == "fsrcnn-s-x2" else [t for t in found if t not in ONCE]


@pytest.fixture(scope="module", params=sorted(ZOO.keys() - ALIKE))
def exported(request, pieces: Path, tmp_path_factory) -> tuple[Path, Report]:
    """Export one network to the targets that are tested with it."""
    output = tmp_path_factory.mktemp("artifacts")
    wish = ExportRequest(
        model=request.param,
        targets=tuple(targets_of(request.param)),
        output=output,
        calibration=None,
        images=pieces,
        sizes=(),
        pixels=None,
        threads=1,
        scheme="int8-fast" if request.param in LONG and not IN_FULL else "",
        timed=False,
    )
    return output / request.param, export(wish, lambda step: None)


pytestmark = pytest.mark.slow


def test_every_recipe_gives_a_file_within_its_budget(exported) -> None:
    folder, report = exported
    assert [target.target for target in report.targets] == targets_of(folder.name)
    for target in report.targets:
        assert (folder / target.file).exists()
    # Budgets are for whole photographs; what exceeds its own on pieces is measured on those.
    beyond = tuple(folder / t.file for t in report.targets if t.breaches)
    for found in verify(VerifyRequest(beyond, timed=False), lambda step: None):
        assert found.report.breaches == ()


def test_int8_tflite_holds_integers_alone_and_no_slow_operator(exported) -> None:
    folder, report = exported
    description = describe(folder / "tflite-int8.tflite")
    kinds = {operator.kind for operator in description.operators}
    assert not kinds & FORBIDDEN
    others = {operator.dtype for operator in description.operators} - {"int8", "uint8"}
    assert not others
    place = next(t for t in report.targets if t.target == "tflite-int8").placement
    assert set(place.fallback) <= {"QUANTIZE"}
    assert place.partitions == 1
    assert {tensor.dtype for tensor in (*description.inputs, *description.outputs)} == {"uint8"}


def test_int8_tflite_agrees_with_the_qdq_model_on_real_images(exported) -> None:
    target = next(t for t in exported[1].targets if t.target == "tflite-int8")
    assert target.conversion.equal >= 0.9999
    assert target.conversion.largest <= 1


def test_tflite_files_run_with_no_part_of_this_project(exported) -> None:
    folder, _ = exported
    files = [str(folder / f"{name}.tflite") for name in ("tflite-float", "tflite-int8")]
    command = [sys.executable, "-c", LITERT_ALONE, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["float32", "uint8"]


def test_existing_files_verify_to_the_same_drift(exported, pieces: Path) -> None:
    folder, report = exported
    files = tuple(folder / f"{name}.tflite" for name in ("tflite-float", "tflite-int8"))
    (found,) = verify(VerifyRequest(files, images=pieces, timed=False), lambda step: None)
    again = found.report
    for found in again.targets:
        target = next(t for t in report.targets if t.target == found.target)
        assert found.vs_reference == target.vs_reference
        assert found.drop == target.drop


@pytest.mark.parametrize("name", sorted(ZOO))
def test_onnx_agrees_with_torch_at_any_size(name: str) -> None:
    import onnx_ir as ir
    import onnxruntime
    import torch

    source, network = open_model(name), load_network(name)
    session = onnxruntime.InferenceSession(ir.to_proto(source.model).SerializeToString())
    multiple = source.contract.multiple
    for sides in ((multiple * 8, multiple * 13), (multiple * 21, multiple * 5)):
        shape = (1, source.contract.channels, *sides)
        image = np.random.default_rng(0).random(shape, np.float32)
        with torch.no_grad():
            wanted = network(torch.from_numpy(image)).numpy()
        got = session.run(None, split_ports(image, session_entries(session)))[0]
        assert np.abs(got - wanted).max() <= 1e-5
