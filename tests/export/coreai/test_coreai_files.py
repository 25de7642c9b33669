"""Core AI files: float32 programs against torch, bytes that repeat, descriptions, damage."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch
from torch import nn

from edge_imgq.artifact import sha256_of
from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ImageError, ModelError, UnsupportedOperatorError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.runtime.mil.silence import coremltools, silenced
from edge_imgq.runtime.open import open_session
from tests.export.tflite.cases import weights
from tests.export.tflite.witness import Case, run_onnx

pytest.importorskip("coreai", reason="the extra [coreai] is not installed")

from .witness import run_all, write

CONTRACT = ImageContract("super-resolution", 2, "rgb")
SIZE = (12, 10)
BODY = (
    "a = Conv<pads=[1,1,1,1]>(x, w, b) r = Relu(a) g = GlobalAveragePool(r) h = Sigmoid(g) "
    'm = Mul(r, h) y = DepthToSpace<blocksize=2, mode="CRD">(m)'
)
CONSTANTS = {"w": weights(12, 3, 3, 3), "b": weights(12)}
FUNCTIONS = functions_of("coreai")


def case(body: str = BODY) -> Case:
    return Case(body, (1, 3, *SIZE), CONSTANTS)


def written(path: Path, body: str = BODY) -> Path:
    note = FileNote("tiny", path.stem, CONTRACT, "0.0", reference_sha256="f")
    graph = PreparedGraph(ir.from_proto(case(body).model()))
    FUNCTIONS.write(graph, ExportSpec((SIZE,), note, float16_weights=True), path)
    return path


class Mixed(nn.Module):
    """Layers of most kinds, none of which loses digits."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 12, 3, padding=1)
        self.deep = nn.Conv2d(12, 12, 3, padding=2, dilation=2, groups=12)
        self.up = nn.ConvTranspose2d(12, 8, 4, stride=2, padding=1)
        self.slope = nn.PReLU(12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.slope(self.wide(x))
        x = x * torch.sigmoid(x.mean((2, 3), keepdim=True)) + self.deep(x)
        x = torch.cat([nn.functional.gelu(x[:, :6]), x[:, 6:].clamp(-0.4, 0.9)], 1)
        low = nn.functional.max_pool2d(x, 2) - nn.functional.avg_pool2d(x, 2)
        flat = torch.softmax(low.flatten(2) @ low.flatten(2).transpose(1, 2), -1)
        return nn.functional.pixel_shuffle(self.up(x), 2) + flat.mean()


def test_a_float32_program_of_coremltools_torch_front_end_computes_what_torch_does(
    tmp_path: Path,
) -> None:
    torch.manual_seed(3)
    image, network = torch.rand(1, 3, 16, 20), Mixed().eval()
    ct = coremltools()
    with silenced(), torch.no_grad():
        program = ct.convert(
            torch.jit.trace(network, image),
            inputs=[ct.TensorType("x", image.shape)],
            convert_to="milinternal",
            compute_precision=ct.precision.FLOAT32,
        )
        wanted = network(image).numpy()
    write(program.functions["main"], {"x": image.numpy()}, tmp_path, "m")
    (got,) = run_all(tmp_path)["m"].values()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_a_file_says_what_it_is_and_computes_what_onnx_runtime_does(tmp_path: Path) -> None:
    path = written(tmp_path / "coreai-float16.aimodel")
    session = open_session(path)
    assert (session.size, session.sizes, session.resizable) == (SIZE, (SIZE,), False)
    assert session.note == FUNCTIONS.read_note(path)
    assert session.note.contract == CONTRACT
    assert (session.identity.name, session.identity.is_device_runtime) == ("Core AI", False)
    pixels = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
    values = (pixels.astype(np.float32) / 255).transpose(2, 0, 1)[np.newaxis]
    wanted = run_onnx(case().model(), values)[0].transpose(1, 2, 0) * 255
    got = session.levels(pixels)
    assert np.array_equal(got, np.rint(got)), "the file returns whole levels"
    assert np.abs(got - wanted.clip(0, 255)).max() <= 1
    session.prepare(SIZE)()
    with pytest.raises(ImageError, match="runs at 12x10 only, and the image is 13x10"):
        session.run(np.zeros((13, 10, 3), np.uint8))


WRITE_AGAIN = """
import sys
from pathlib import Path
from tests.export.coreai.test_coreai_files import written
written(Path(sys.argv[1]))
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    one = written(tmp_path / "one" / "coreai-float16.aimodel")
    two = tmp_path / "two" / "coreai-float16.aimodel"
    subprocess.run([sys.executable, "-c", WRITE_AGAIN, str(two)], check=True)
    assert sha256_of(one) == sha256_of(two)
    metadata = json.loads((one / "metadata.json").read_text())
    assert metadata["producer"].startswith("coreai-core ")
    assert "creationDate" not in metadata


def test_what_is_read_of_a_file_is_what_was_written(tmp_path: Path) -> None:
    described = FUNCTIONS.describe(written(tmp_path / "m.aimodel"), None)
    kinds = Counter(row.kind for row in described.operators)
    assert (kinds["conv2d"], kinds["pad"], kinds["relu"], kinds["sigmoid"]) == (1, 1, 1, 1)
    assert described.parameters == 12 * 3 * 9 + 12
    assert described.macs == 12 * 3 * 9 * 12 * 10
    (convolution,) = (row for row in described.operators if row.window is not None)
    assert convolution.window is not None
    assert (convolution.window.kernel, convolution.window.groups) == ((3, 3), 1)
    (image,), (result,) = described.inputs, described.outputs
    assert (image.name, image.shape, image.dtype) == ("image", (1, 3, 12, 10), "float32")
    assert (result.name, result.shape, result.dtype) == ("result", (1, 3, 24, 20), "float32")


def test_nothing_is_written_where_an_operator_is_refused(tmp_path: Path) -> None:
    body = "e = Unsqueeze(x, u) f = Unsqueeze(e, u) s = Squeeze(f, v) y = Relu(s)"
    graph = Case(body, (1, 3, *SIZE), {"u": np.array([0]), "v": np.array([0, 1])})
    model, order = (
        ir.from_proto(graph.model()),
        ExportSpec((SIZE,), FileNote("m", "m", CONTRACT, "0")),
    )
    with pytest.raises(UnsupportedOperatorError, match="Unsqueeze"):
        FUNCTIONS.write(PreparedGraph(model), order, tmp_path / "m.aimodel")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("main.mlirb", "is damaged: its program is not the one that was written"),
        ("metadata.json", "metadata.json is damaged"),
        ("main.hash", "is damaged"),
    ],
)
def test_a_damaged_file_is_refused_before_core_ai_sees_it(
    tmp_path: Path, name: str, said: str
) -> None:
    path = written(tmp_path / "m.aimodel")
    (path / name).write_bytes((path / name).read_bytes()[:-9])
    with pytest.raises(ModelError, match=said):
        open_session(path)
    (path / name).unlink()
    with pytest.raises(ModelError, match=f"is not whole: {name} cannot be read"):
        open_session(path)
    with pytest.raises(ModelError, match="There is no Core AI file"):
        open_session(tmp_path / "other.aimodel")


def test_what_core_ai_does_not_open_is_said_in_a_sentence(tmp_path: Path) -> None:
    import hashlib

    path = written(tmp_path / "m.aimodel")
    (path / "main.mlirb").write_bytes(b"no program")
    (path / "main.hash").write_bytes(hashlib.sha256(b"no program").digest())
    with pytest.raises(ModelError, match=r"Core AI cannot open .*m\.aimodel"):
        open_session(path)
