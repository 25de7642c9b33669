"""Author, licence and version inside files, read back by their formats' own parsers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import coremltools
import flatbuffers
import numpy as np
import pytest

from edge_imgq.cli.main import main
from edge_imgq.contract import Authorship
from edge_imgq.export.tflite.model_metadata import NAME
from edge_imgq.pipeline.check.measured_by_report import note_of
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.tflite_file import read_model
from tests.cli.conftest import STATED, Run

AUTHOR, LICENCE, VERSION = STATED[1::2]


@pytest.fixture(scope="module")
def both(tiny: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the folders of an export that states something, and of one that does not."""
    words = ("export", tiny, "--size", "48x64", "--no-bench", "--images", photos / "evaluation")
    words += ("--calibration", photos / "calibration")
    words += ("--target", "tflite-int8", "tflite-float", "coreml-fp16", "onnx-float")
    folders = []
    for more in (STATED, ()):
        output = tmp_path_factory.mktemp("artifacts")
        assert main([str(word) for word in (*words, *more, "--output", output)]) in (0, 1)
        folders.append(output / "tiny")
    return folders[0], folders[1]


@pytest.fixture
def stating(both: tuple[Path, Path]) -> Path:
    return both[0]


def metadata(path: Path) -> bytes | None:
    model = read_model(path)
    found = {entry.name.decode(): model.buffers[entry.buffer].data for entry in model.metadata}
    return bytes(found[NAME]) if NAME in found else None


def test_files_of_those_who_state_nothing_stay_as_they_are(both: tuple[Path, Path]) -> None:
    assert metadata(both[1] / "tflite-int8.tflite") is None
    assert not note_of(both[1] / "onnx-float.onnx").authorship.is_stated


def test_the_same_bytes_run_as_before(both: tuple[Path, Path]) -> None:
    photo = np.random.default_rng(2).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    for name in ("tflite-int8.tflite", "tflite-float.tflite", "onnx-float.onnx"):
        stated, plain = (open_session(folder / name, 1) for folder in both)
        np.testing.assert_array_equal(stated.run(photo), plain.run(photo))
    assert len({(folder / "reference" / "float.onnx").read_bytes() for folder in both}) == 1


@pytest.mark.parametrize("name", ["tflite-int8.tflite", "coreml-fp16.mlpackage", "onnx-float.onnx"])
def test_every_format_says_it(stating: Path, name: str) -> None:
    assert note_of(stating / name).authorship == Authorship(AUTHOR, LICENCE, VERSION)


def test_core_ml_s_own_reader_shows_it(stating: Path) -> None:
    package = stating / "coreml-fp16.mlpackage"
    model = coremltools.models.MLModel(str(package), skip_model_load=True)
    assert (model.author, model.license, model.version) == (AUTHOR, LICENCE, VERSION)


class Table:
    """A table of a flatbuffer, read by the numbers of its fields."""

    def __init__(self, data: bytes, place: int) -> None:
        self._table = flatbuffers.table.Table(bytearray(data), place)
        self._data = data

    def _at(self, field: int) -> int:
        offset = self._table.Offset(4 + 2 * field)
        assert offset, f"there is no field {field}"
        return int(self._table.Pos + offset)

    def text(self, field: int) -> str:
        return str(self._table.String(self._at(field)).decode())

    def number(self, field: int) -> int:
        return self._data[self._at(field)]

    def table(self, field: int) -> Table:
        return Table(self._data, self._table.Indirect(self._at(field)))

    def tables(self, field: int) -> list[Table]:
        start, places = self._vector(field)
        return [Table(self._data, self._table.Indirect(start + 4 * one)) for one in range(places)]

    def floats(self, field: int) -> list[float]:
        start, count = self._vector(field)
        return np.frombuffer(self._data, "<f4", count, start).tolist()

    def _vector(self, field: int) -> tuple[int, int]:
        offset = self._at(field) - self._table.Pos
        return self._table.Vector(offset), self._table.VectorLen(offset)


@pytest.mark.parametrize("name", ["tflite-int8.tflite", "tflite-float.tflite"])
def test_the_metadata_of_tflite_is_a_flatbuffer_of_its_schema(stating: Path, name: str) -> None:
    """Numbers of fields and values are those of metadata_schema.fbs of tflite-support 0.4.4."""
    data = metadata(stating / name)
    assert data is not None
    assert data[4:8] == b"M001"
    root = Table(data, int.from_bytes(data[:4], "little"))
    assert [root.text(field) for field in (0, 2, 4, 5, 7)] == [
        *("tiny", VERSION, AUTHOR, LICENCE, "1.0.0")
    ]
    (graph,) = root.tables(3)
    (image,), (result,) = graph.tables(2), graph.tables(3)
    assert (image.text(0), result.text(0)) == ("image", "image_out")
    for tensor in (image, result):
        content, (unit,) = tensor.table(3), tensor.tables(4)
        assert content.number(0) == 2  # ImageProperties
        assert content.table(1).number(0) == 1  # RGB
        assert unit.number(0) == 1  # NormalizationOptions
        assert (unit.table(1).floats(0), unit.table(1).floats(1)) == ([0.0], [255.0])


def test_the_parser_of_tflite_support_reads_it(stating: Path) -> None:
    schema: Any = pytest.importorskip(
        "tensorflow_lite_support.metadata.metadata_schema_py_generated",
        reason="tflite-support is not installed",
    )
    for name in ("tflite-int8.tflite", "tflite-float.tflite"):
        data = metadata(stating / name)
        assert data is not None
        found = schema.ModelMetadataT.InitFromObj(schema.ModelMetadata.GetRootAsModelMetadata(data))
        assert (found.author, found.license) == (AUTHOR.encode(), LICENCE.encode())
        (graph,) = found.subgraphMetadata
        (image,), (result,) = graph.inputTensorMetadata, graph.outputTensorMetadata
        assert (image.name, result.name) == (b"image", b"image_out")
        assert image.content.contentPropertiesType == schema.ContentProperties.ImageProperties
        assert image.content.contentProperties.colorSpace == schema.ColorSpaceType.RGB
        (unit,) = image.processUnits
        assert unit.optionsType == schema.ProcessUnitOptions.NormalizationOptions
        assert (list(unit.options.mean), list(unit.options.std)) == ([0.0], [255.0])


def test_a_bundle_states_what_its_files_do(stating: Path, run: Run, tmp_path: Path) -> None:
    words = ("bundle", stating, "--target", "tflite-int8", "-o", tmp_path / "app")
    assert run(*words).code == 0
    contract = json.loads((tmp_path / "app" / "contract.json").read_text())
    assert (contract["author"], contract["licence"]) == (AUTHOR, LICENCE)
    script = (tmp_path / "app" / "make-again.sh").read_text()
    assert "--author 'A. Person' --license CC-BY-4.0" in script
    assert run("bundle", "--verify", tmp_path / "app").code == 0
    other = run(*words, "--author", "B. Other")
    assert other.code == 0
    found = run("bundle", "--verify", tmp_path / "app")
    assert found.code == 1
    assert found.out.startswith(
        'differs: contract.json author: it says "B. Other"; tflite-int8.tflite states "A.\n'
        '  Person"\n'
    )
