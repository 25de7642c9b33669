"""ExecuTorch's file: written, read, run, described, and refused when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

import edge_imgq
from edge_imgq.artifact import sha256_of
from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ImageError, ModelError, UnsupportedOperatorError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.export.refusal import as_error
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.runtime.memory import activation_memory
from edge_imgq.runtime.open import open_session
from tests.export.tflite.cases import scalar, weights
from tests.export.tflite.witness import Case, run_onnx
from tests.several_networks import curves

pytestmark = pytest.mark.usefixtures("installed")

CONTRACT = ImageContract("super-resolution", 2, "rgb")
SIZE = (12, 10)
BODY = (
    "a = Conv<pads=[1,1,1,1]>(x, w, b) r = Relu(a) g = GlobalAveragePool(r) h = Sigmoid(g) "
    'm = Mul(r, h) y = DepthToSpace<blocksize=2, mode="CRD">(m)'
)
CONSTANTS = {"w": weights(12, 3, 3, 3), "b": weights(12)}
FUNCTIONS = functions_of("executorch")


def case(body: str = BODY, **more: np.ndarray) -> Case:
    return Case(body, (1, 3, *SIZE), {**CONSTANTS, **more})


def spec(path: Path) -> ExportSpec:
    return ExportSpec((SIZE,), FileNote("tiny", path.stem, CONTRACT, "0.0", reference_sha256="f"))


def graph(body: str = BODY, **more: np.ndarray) -> PreparedGraph:
    return PreparedGraph(ir.from_proto(case(body, **more).model()))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of the network above."""
    path = tmp_path_factory.mktemp("files") / "executorch-float.pte"
    FUNCTIONS.write(graph(), spec(path), path)
    return path


def test_a_file_says_what_it_is_and_computes_what_onnx_runtime_does(path: Path) -> None:
    session = open_session(path)
    assert (session.size, session.sizes, session.resizable) == (SIZE, (SIZE,), False)
    assert session.note == FUNCTIONS.read_note(path) == spec(path).note
    assert (session.identity.name, session.identity.delegate) == ("ExecuTorch", "XNNPACK")
    # A photograph whose numbers lie channel by channel in no order of the file's.
    pixels = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
    values = (pixels.astype(np.float32) / 255).transpose(2, 0, 1)[np.newaxis]
    wanted = run_onnx(case().model(), values)[0].transpose(1, 2, 0)
    assert np.abs(session.levels(pixels) / 255 - wanted).max() < 1e-5
    assert np.array_equal(session.run(pixels), np.rint(wanted * 255).clip(0, 255))
    session.prepare(SIZE)()
    with pytest.raises(ImageError, match="runs at 12x10 only, and the image is 13x10"):
        session.run(np.zeros((13, 10, 3), np.uint8))


def test_what_two_runs_return_does_not_change_afterwards(path: Path) -> None:
    session = open_session(path)
    dark, light = (np.full((*SIZE, 3), level, np.uint8) for level in (10, 240))
    first = session.levels(dark)
    kept = first.copy()
    assert not np.array_equal(session.levels(light), first)
    assert np.array_equal(first, kept)


def test_sessions_of_different_threads_run_in_turn(path: Path) -> None:
    """ExecuTorch has one pool of threads, and methods hold the one that they were loaded with."""
    one, two = (open_session(path, threads) for threads in (1, 2))
    pixels = np.full((*SIZE, 3), 99, np.uint8)
    wanted = one.run(pixels)
    for _ in range(20):
        assert np.array_equal(two.run(pixels), wanted)
        assert np.array_equal(one.run(pixels), wanted)


def test_two_exports_are_byte_identical(path: Path, tmp_path: Path) -> None:
    FUNCTIONS.write(graph(), spec(path), tmp_path / path.name)
    assert sha256_of(tmp_path / path.name) == sha256_of(path)


def test_an_app_reads_the_note_by_a_method_of_the_file(path: Path) -> None:
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(path)
    (text,) = program.load_method("edge_imgq").execute([])
    assert json.loads(text)["edge_imgq.model"] == "tiny"


def test_it_is_described_by_the_operators_of_xnnpack(path: Path) -> None:
    found = FUNCTIONS.describe(path, None)
    assert found.format == "ExecuTorch"
    assert [(row.name, row.shape) for row in (*found.inputs, *found.outputs)] == [
        ("image", (1, 3, 12, 10)), ("result", (1, 3, 24, 20))
    ]  # fmt: skip
    kinds = [row.kind for row in found.operators]
    assert [kind for kind in kinds if not kind.startswith("Static")] == [
        "Conv2d", "GlobalAvgPooling2d", "Sigmoid", "Multiply"
    ]  # fmt: skip
    convolution = found.operators[kinds.index("Conv2d")]
    assert (convolution.fused, convolution.window.kernel) == ("ReLU", (3, 3))
    assert convolution.parameters == found.parameters == 12 * 3 * 9 + 12
    assert convolution.macs == found.macs == 12 * 3 * 9 * 120
    (place,) = found.placements
    assert (place.taken, place.partitions) == (len(kinds), 1)
    # The features twice, before and after a step that moves them.
    assert activation_memory(path, SIZE).bytes >= 2 * 4 * 12 * 120


def test_operators_without_a_kernel_in_xnnpack_are_placed_on_portable_ones(tmp_path: Path) -> None:
    path = tmp_path / "executorch-float.pte"
    FUNCTIONS.write(graph("s = Sign(x) r = Relu(s) y = Add(r, x)"), spec(path), path)
    place = FUNCTIONS.placement(path)
    assert (place.unit, place.delegated, place.fallback) == ("XNNPACK", 2, ("aten::sign",))


@pytest.mark.parametrize(
    ("body", "operator", "said"),
    [
        (
            "s = Atan(x) y = Relu(s)",
            "Atan",
            "this operator has no torch form; write it with others",
        ),
        (
            "p, i = MaxPool<kernel_shape=[1,1]>(x) y = Relu(p)",
            "MaxPool",
            "its second output, the places of the maxima has no torch form; write it with others",
        ),
    ],
)
def test_refused_operators_are_named_before_anything_is_written(
    body: str, operator: str, said: str, tmp_path: Path
) -> None:
    found = FUNCTIONS.refusals(graph(body), spec(tmp_path / "m.pte"))
    assert [refusal.kind for refusal in found] == [operator]
    assert said in str(as_error("ExecuTorch", "tiny", found))
    with pytest.raises(UnsupportedOperatorError, match=operator):
        FUNCTIONS.write(graph(body), spec(tmp_path / "m.pte"), tmp_path / "m.pte")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"", "not an ExecuTorch file, or its beginning is missing"),
        (lambda data: b"PK" + data[2:4] + b"PK" + data[6:], "not an ExecuTorch file"),
        (lambda data: data[: len(data) // 2], "is damaged"),
    ],
)
def test_a_damaged_file_is_refused(path: Path, tmp_path: Path, damage, said: str) -> None:
    other = tmp_path / "m.pte"
    other.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=said):
        open_session(other)


def test_a_file_of_others_is_refused(tmp_path: Path) -> None:
    import torch
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.export(torch.nn.ReLU(), (torch.zeros(1, 3, 4, 4),))
    path = tmp_path / "m.pte"
    path.write_bytes(to_edge_transform_and_lower(program).to_executorch().buffer)
    with pytest.raises(ModelError, match="does not say what its pixels mean"):
        open_session(path)


def test_numbers_are_settings_or_tensors_as_operators_want_them(tmp_path: Path) -> None:
    body = "p = Pow(x, e) c = Clip(p, l, h) m = Mul(c, s) y = PRelu(m, a)"
    more = {"e": scalar(2.0), "l": scalar(0.1), "h": scalar(0.5), "s": scalar(3.0)}
    more["a"] = weights(3, 1, 1)
    path = tmp_path / "m.pte"
    FUNCTIONS.write(graph(body, **more), spec(path), path)
    kinds = [row.kind for row in FUNCTIONS.describe(path, None).operators]
    assert kinds == ["Square", "Clamp", "Multiply", "StaticTranspose", "PReLU", "StaticTranspose"]


def test_a_file_returns_every_output(tmp_path: Path) -> None:
    model = curves(tmp_path / "curves.onnx")
    pixels = np.random.default_rng(7).integers(60, 200, (*SIZE, 3), np.uint8)
    result = edge_imgq.export(
        model,
        targets=["executorch-float"],
        images=[pixels],
        sizes=SIZE,
        output=tmp_path,
        bench=False,
    )
    path = result.folder / "executorch-float.pte"
    image = pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
    own, mean, enhanced = onnxruntime.InferenceSession(model).run(None, {"image": image})
    found = edge_imgq.open_file(path).run_all(pixels)
    np.testing.assert_allclose(found["curves"], own[0].transpose(1, 2, 0), atol=1e-4)
    np.testing.assert_allclose(found["mean"], mean[0], atol=1e-4)
    picture = enhanced[0].transpose(1, 2, 0).clip(0, 1) * 255
    np.testing.assert_allclose(found["image"], picture, atol=0.51)
    assert [row.name for row in FUNCTIONS.describe(path, SIZE).outputs] == [
        "result", "curves", "mean",
    ]  # fmt: skip
