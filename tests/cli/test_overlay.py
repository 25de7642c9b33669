"""`inspect --overlay`: figures that Model Explorer lays over the graph of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from edge_imgq.cli.main import main
from edge_imgq.runtime.tflite_file import read_model
from tests.cli.conftest import Run
from tests.small_models import tiny_model


@pytest.fixture(scope="module")
def exported(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny network, with what `sensitivity` found."""
    folder = tmp_path_factory.mktemp("overlay")
    onnx.save(tiny_model(), folder / "tiny.onnx")
    shared = ("--scheme", "int8-fast", "--calibration", photos / "calibration", "--output", folder)
    images = ("--images", photos / "evaluation", "--no-bench", "--size", "48x64")
    targets = ("--target", "tflite-int8", "onnx-int8", "coreml-fp16")
    for words in (("export", *images, *targets), ("sensitivity",)):
        command, *rest = (*words, *shared)
        assert main([str(word) for word in (command, folder / "tiny.onnx", *rest)]) in (0, 1)
    return folder / "tiny"


def forms(folder: Path, stem: str) -> dict[str, dict[str, Any]]:
    return {
        path.stem.removeprefix(f"{stem}-"): json.loads(path.read_text())
        for path in folder.glob(f"{stem}-*.json")
    }


def test_keys_are_names_that_the_files_have(run: Run, exported: Path, tmp_path: Path) -> None:
    tflite, model = exported / "tflite-int8.tflite", exported / "onnx-int8.onnx"
    for path in (tflite, model):
        outcome = run("inspect", path, "--overlay", tmp_path)
        assert outcome.code == 0, outcome.err
        assert f"for Model Explorer, in {tmp_path}: {path.stem}-macs.json" in outcome.err
        assert "no dB" not in outcome.err
    graph = read_model(tflite).subgraphs[0]
    tensors = {graph.tensors[o.outputs[0]].name.decode() for o in graph.operators}
    network = onnx.load(model).graph
    names = {node.name for node in network.node}
    for stem, graph_name, known in (
        ("tflite-int8", graph.name.decode(), tensors),
        ("onnx-int8", network.name, names),
    ):
        found = forms(tmp_path, stem)
        assert set(found) == {"macs", "db", "error", "time"}
        for form in found.values():
            assert list(form) == [graph_name]
            assert len(form[graph_name]["results"]) == 2
            assert set(form[graph_name]["results"]) <= known


def test_what_it_lacks_is_said(run: Run, exported: Path, tmp_path: Path) -> None:
    core_ml = run("inspect", exported / "coreml-fp16.mlpackage", "--overlay", tmp_path)
    assert core_ml.code == 2
    assert "Model Explorer shows graphs of .tflite and .onnx files" in core_ml.err
    alone = tmp_path / "tflite-int8.tflite"
    alone.write_bytes((exported / alone.name).read_bytes())
    outcome = run("inspect", alone, "--overlay", tmp_path / "new")
    assert outcome.code == 0
    assert "no dB and time by layer: there is no sensitivity.json in" in outcome.err
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tflite-int8-macs.json"]


def test_model_explorer_finds_the_nodes(run: Run, exported: Path, tmp_path: Path) -> None:
    """By its own adapter: a key is a node's id or the `tensor_name` of what it writes."""
    adapters = pytest.importorskip(
        "model_explorer.builtin_tflite_flatbuffer_adapter",
        reason="pip install ai-edge-model-explorer==0.1.34",
    )
    path = exported / "tflite-int8.tflite"
    assert run("inspect", path, "--overlay", tmp_path).code == 0
    (collection,) = adapters.BuiltinTfliteFlatbufferAdapter().convert(str(path), {})[
        "graphCollections"
    ]
    graphs = {graph["id"]: graph for graph in collection.graphs}
    for form in forms(tmp_path, "tflite-int8").values():
        ((graph, data),) = form.items()
        keys = {
            entry["value"]
            for node in graphs[graph]["nodes"]
            for output in node["outputsMetadata"]
            for entry in output["attrs"]
            if entry["key"] == "tensor_name"
        }
        assert set(data["results"]) <= keys
