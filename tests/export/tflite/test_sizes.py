"""One file with a signature for each size, run by LiteRT, against the files of one size."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import onnx_ir as ir
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ImageError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.export.tflite.writer import FILE_IDENTIFIER
from edge_imgq.export.torch_network import export_network
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.models.zoo import load_network
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.folders import export_recipes
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.litert import open_session, placement_of

SIZES = ((24, 32), (40, 20), (64, 96))
CONTRACT = ImageContract("super-resolution", 2, "y")
NOTE = FileNote("fsrcnn-x2", "tflite-test", CONTRACT, "0.0")
PLAIN = QuantizeRecipe(
    "plain", "", "min-max", ("canonical", "sub-pixel", "crd-to-dcr", "sign-split")
)


def photo(size) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (*size, 1), np.uint8)


@pytest.fixture(scope="module")
def graphs() -> dict[str, ir.Model]:
    """Return FSRCNN as the float and the int8 target lower it."""
    model = export_network(load_network("fsrcnn-x2"), "fsrcnn-x2", CONTRACT)
    passes = next(r.passes for r in export_recipes(Path("/nowhere")) if r.name == "tflite-float")
    return {
        "float": rewrite(model, passes),
        "int8": quantize(model, PLAIN, CONTRACT, [photo((48, 48))]),
    }


def written(graph: ir.Model, sizes, path: Path) -> Path:
    write_tflite(PreparedGraph(graph), ExportSpec(tuple(sizes), NOTE), path)
    return path


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_every_signature_returns_what_a_file_of_that_size_returns(graphs, kind, tmp_path) -> None:
    session = open_session(written(graphs[kind], SIZES, tmp_path / "all.tflite"))
    assert session.sizes == SIZES
    assert session.size == SIZES[0]
    assert not session.resizable
    for size in (*SIZES, *SIZES):
        alone = open_session(written(graphs[kind], [size], tmp_path / "one.tflite"))
        assert np.array_equal(session.run(photo(size)), alone.run(photo(size)))


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_signatures_are_named_by_size_and_share_their_weights(graphs, kind, tmp_path) -> None:
    path = written(graphs[kind], SIZES, tmp_path / "all.tflite")
    names = list(Interpreter(str(path)).get_signature_list())
    assert names == ["h24_w32", "h40_w20", "h64_w96"]
    alone = written(graphs[kind], SIZES[:1], tmp_path / "one.tflite")
    grown = (path.stat().st_size - alone.stat().st_size) / 2
    # What a size adds is its tensors; in int8 these hold a scale for every channel.
    assert grown < 0.2 * alone.stat().st_size


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_xnnpack_takes_the_whole_of_every_signature(graphs, kind, tmp_path) -> None:
    path = written(graphs[kind], SIZES, tmp_path / "all.tflite")
    for index in range(len(SIZES)):
        # LiteRT tells of the first subgraph alone, so each takes its turn there.
        model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
        model.subgraphs, model.signatureDefs = [model.subgraphs[index]], None
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
        interpreter = Interpreter(model_content=bytes(builder.Output()))
        interpreter.allocate_tensors()
        placement = placement_of(interpreter)
        edges = ("QUANTIZE", "QUANTIZE") if kind == "int8" else ()
        assert (placement.partitions, placement.fallback) == (1, edges)


def test_another_size_than_the_files_is_refused_and_its_sizes_named(graphs, tmp_path) -> None:
    session = open_session(written(graphs["float"], SIZES[:2], tmp_path / "two.tflite"))
    with pytest.raises(ImageError, match="runs at 24x32 and 40x20 only, and the image is 30x30"):
        session.run(photo((30, 30)))


def test_prepare_times_the_signature_of_the_size_asked_for(graphs, tmp_path) -> None:
    session = open_session(written(graphs["float"], SIZES, tmp_path / "all.tflite"))
    for size in SIZES:
        session.prepare(size)()
        assert session.run(photo(size)).shape == (2 * size[0], 2 * size[1], 1)


def test_the_same_sizes_give_the_same_bytes(graphs, tmp_path) -> None:
    one = written(graphs["int8"], SIZES, tmp_path / "a.tflite").read_bytes()
    assert one == written(graphs["int8"], SIZES, tmp_path / "b.tflite").read_bytes()
