"""The tensor that a report names where a file is not its graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.images.samples import Sample
from edge_imgq.pipeline.verify.amplified_levels import SIDE, AmplifiedLevels
from edge_imgq.pipeline.verify.references import ComparedFile
from edge_imgq.quantize.error_model.level_gain import NEARLY_ITS_GRAPH, LevelGain
from edge_imgq.skipped import Skipped
from edge_imgq.verify.compare import compare
from edge_imgq.verify.drift import ImageDrift
from edge_imgq.verify.summary import summarise
from tests.graph.build import parsed

NOTE = FileNote("m", "coreml-int8", ImageContract("image-to-image", 1, "rgb"), "0.0")
GRAY = np.full((SIDE + 8, SIDE + 8, 3), 64, np.uint8)


@dataclass
class Ran:
    """What is asked of a session."""

    note: FileNote = NOTE
    size: Any = None


class Folder:
    """What is asked of references: the graph."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def quantized_graph(self, note: FileNote) -> Path:
        assert note == NOTE
        return self._path


def opened(quantized: bool = True) -> ComparedFile:
    reference = Ran() if quantized else None
    return ComparedFile(Path("f"), None, Ran(), reference, None)  # type: ignore[arg-type]


def row(off: int, name: str) -> ImageDrift:
    """An image whose file is so many levels off its graph, everywhere."""
    file = (GRAY + off).astype(np.uint8)
    return compare(
        name, file=file, reference=GRAY, quantized=GRAY, source=GRAY, truth=None, shave=0
    )


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Two levels of one where the image is dark, and none where it is bright."""
    body = (
        "a = Identity(image) q = QuantizeLinear(a, s, z) d = DequantizeLinear(q, s, z) "
        "m = Sub(d, half) n = Relu(m) o = Sub(d, n) out = Mul(o, gain)"
    )
    constants = {
        "s": np.float32(1 / 255), "z": np.int8(0), "half": np.float32(0.4), "gain": np.float32(2)
    }  # fmt: skip
    path = tmp_path / "int8.onnx"
    onnx.save(ir.to_proto(parsed(body, constants, size='"h","w"', channels=3)), path)
    return path


def found(graph: Path, *offs: int, **options: bool) -> LevelGain | Skipped:
    amplified = AmplifiedLevels(Folder(graph))  # type: ignore[arg-type]
    rows = [row(off, str(index)) for index, off in enumerate(offs)]
    for index, drift in enumerate(rows):
        bright = np.full_like(GRAY, 200 if index == 0 else 64)
        amplified.offer(opened(**options), Sample(drift.name, bright, None), drift)
    return amplified.of(Path("f"), summarise(rows), lambda step: None)


def test_the_image_that_is_farthest_from_the_graph_is_looked_at(graph: Path) -> None:
    dark = found(graph, 0, 3)
    assert isinstance(dark, LevelGain)
    assert (dark.tensor, dark.operator) == ("a", "Identity")
    assert dark.levels == pytest.approx(2, rel=1e-3)
    bright = found(graph, 3, 1)
    assert isinstance(bright, LevelGain)
    assert bright.levels == 0


def test_files_that_are_their_graph_and_float_files_are_not_looked_at(graph: Path) -> None:
    assert found(graph, 1, 0) == NEARLY_ITS_GRAPH
    assert found(graph, 3, 3, quantized=False) == NEARLY_ITS_GRAPH


def test_a_graph_that_does_not_run_so_small_says_why(graph: Path, tmp_path: Path) -> None:
    body = "a = Identity(image) q = QuantizeLinear(a, s, z) d = DequantizeLinear(q, s, z) "
    constants = {"s": np.float32(1 / 255), "z": np.int8(0), "big": np.zeros((1, 3, 8, 8), "f4")}
    model = ir.to_proto(parsed(body + "out = Add(d, big)", constants, size='"h","w"', channels=3))
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    why = found(path, 3)
    assert isinstance(why, Skipped)
    assert "does not run" in why.reason or "cannot run" in why.reason
