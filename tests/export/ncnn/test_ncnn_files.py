"""ncnn's two files: written, read, run at other sizes, described, and refused when damaged."""

from __future__ import annotations

import json
from pathlib import Path

import ncnn
import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.artifact import files_of, move, remove, sha256_of, size_of
from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ImageError, ModelError, NonFiniteOutputError, UnsupportedOperatorError
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.functions import functions_of
from edge_imgq.graph.prepared import PreparedGraph
from edge_imgq.runtime.memory import activation_memory
from edge_imgq.runtime.ncnn_file import read_pair
from edge_imgq.runtime.open import open_session
from tests.export.tflite.cases import numbers, scalar, weights
from tests.export.tflite.witness import Case, run_onnx

CONTRACT = ImageContract("super-resolution", 2, "rgb")
SIZE = (12, 10)
BODY = (
    "a = Conv<pads=[1,1,1,1]>(x, w, b) r = Relu(a) g = GlobalAveragePool(r) h = Sigmoid(g) "
    'm = Mul(r, h) y = DepthToSpace<blocksize=2, mode="CRD">(m)'
)
CONSTANTS = {"w": weights(12, 3, 3, 3), "b": weights(12)}
FUNCTIONS = functions_of("ncnn")


def case(size: tuple[int, int] = SIZE, body: str = BODY, **more: np.ndarray) -> Case:
    return Case(body, (1, 3, *size), {**CONSTANTS, **more})


def open_model(body: str = BODY, **more: np.ndarray) -> ir.Model:
    """Return a model whose height and width are open."""
    model = ir.from_proto(case(body=body, **more).model())
    for value in (*model.graph.inputs, *(o for node in model.graph for o in node.outputs)):
        value.shape = None
    model.graph.inputs[0].shape = ir.Shape([1, 3, "h", "w"])
    return model


def written(path: Path, model: ir.Model | None = None, *, half: bool = False) -> Path:
    note = FileNote("tiny", path.stem, CONTRACT, "0.0", reference_sha256="f")
    FUNCTIONS.write(
        PreparedGraph(model or open_model()), ExportSpec((SIZE,), note, float16_weights=half), path
    )
    return path


def test_a_file_says_what_it_is_and_computes_what_onnx_runtime_does(tmp_path: Path) -> None:
    path = written(tmp_path / "ncnn-float.param")
    session = open_session(path)
    assert (session.size, session.sizes) == (SIZE, (SIZE,))
    assert session.note == FUNCTIONS.read_note(path)
    assert session.note.contract == CONTRACT
    assert session.identity.name == "ncnn"
    for size in (SIZE, (33, 21)):  # one file for both: no layer holds a size
        pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
        values = (pixels.astype(np.float32) / 255).transpose(2, 0, 1)[np.newaxis]
        wanted = run_onnx(case(size).model(), values)[0].transpose(1, 2, 0)
        assert np.abs(session.levels(pixels) / 255 - wanted).max() < 1e-5
        assert np.array_equal(session.run(pixels), np.rint(wanted * 255).clip(0, 255))
    session.prepare(SIZE)()


def test_two_exports_are_byte_identical(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        written(tmp_path / name / "ncnn-fp16.param", half=True)
    one, two = (tmp_path / name / "ncnn-fp16.param" for name in ("a", "b"))
    assert sha256_of(one) == sha256_of(two)
    assert [file.name for file in files_of(one)] == ["ncnn-fp16.param", "ncnn-fp16.bin"]
    assert size_of(one) == sum(file.stat().st_size for file in files_of(one))


def test_half_files_hold_half_numbers_and_float_ones_say_so_in_every_layer(tmp_path: Path) -> None:
    pairs = [read_pair(written(tmp_path / f"{half}.param", half=half)) for half in (False, True)]
    full, half = (pair.arrays()["convolution_1"] for pair in pairs)
    assert [a.dtype for a in full] == [np.float32, np.float32]
    assert [a.dtype for a in half] == [np.float16, np.float32]  # the bias stays whole
    assert np.array_equal(full[0], CONSTANTS["w"].ravel())
    assert np.array_equal(half[0], CONSTANTS["w"].ravel().astype(np.float16))
    assert [pair.computes_in_float16 for pair in pairs] == [False, True]
    assert all(" 31=7" in line for line in pairs[0].text.splitlines()[2:])


def test_the_widest_numbers_of_float32_come_through_the_text(tmp_path: Path) -> None:
    for value in (1e-7, -3.4e38, 0.1, 16777217.0, 1 / 3):
        body = "t = Mul(x, c) u = Add(t, x) y = DepthToSpace<blocksize=1>(u)"
        path = written(tmp_path / "m.param", open_model(body, c=scalar(value)))
        (line,) = (line for line in read_pair(path).lines if line.kind == "BinaryOp"
                   and 2 in line.parameters)  # fmt: skip
        assert np.float32(line.parameters[2]) == np.float32(value)


def test_a_file_that_holds_a_size_takes_no_other(tmp_path: Path) -> None:
    body = (
        "t = Reshape(x, n) s = Transpose<perm=[0,2,1]>(t) u = Reshape(s, m) "
        "y = Concat<axis=1>(u, u)"
    )
    more = {"n": numbers(1, 3, 120), "m": numbers(1, 3, 12, 10)}
    path = tmp_path / "ncnn-float.param"
    model = ir.from_proto(case(body=body, **more).model())
    note = FileNote("tiny", path.stem, CONTRACT, "0.0")
    with pytest.raises(ModelError, match="its contract says"):
        FUNCTIONS.write(PreparedGraph(model), ExportSpec((SIZE,), note), path)
    assert list(tmp_path.iterdir()) == []
    model = ir.from_proto(
        case(body=body.replace("Concat<axis=1>(u, u)", "Relu(u)"), **more).model()
    )
    FUNCTIONS.write(PreparedGraph(model), ExportSpec((SIZE,), note), path)
    assert not open_session(path).resizable
    assert "0=10 1=12 2=3" in read_pair(path).text
    with pytest.raises(ImageError, match="runs at 12x10 only, and the image is 13x10"):
        open_session(path).run(np.zeros((13, 10, 3), np.uint8))


def test_nothing_is_written_where_an_operator_is_refused(tmp_path: Path) -> None:
    body = "s = Sign(x) y = Relu(s)"
    with pytest.raises(UnsupportedOperatorError, match="Sign 'node_0_Sign'"):
        written(tmp_path / "ncnn-float.param", ir.from_proto(case(body=body).model()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "There is no .*m.param; ncnn needs both"),
        (lambda path: path.with_suffix(".bin").unlink(), "There is no .*m.bin; ncnn needs both"),
        (lambda path: path.with_suffix(".bin").write_bytes(b"x" * 99), "did not write it"),
        (lambda path: cut(path.with_suffix(".bin"), 30), "its end is missing"),
        (lambda path: flip(path.with_suffix(".bin"), 12), "not as edge-imgq wrote them"),
        (lambda path: flip(path.with_suffix(".bin"), -60), "damaged"),
        (lambda path: path.write_text(path.read_text().replace("0=12", "0=99")), "not as edge"),
        (lambda path: written(path.with_name("n.param"), half=True).rename(path), "not as edge"),
    ],
)
def test_a_damaged_file_is_refused_before_ncnn_sees_it(tmp_path: Path, damage, said: str) -> None:
    path = written(tmp_path / "m.param")
    damage(path)
    with pytest.raises(ModelError, match=said):
        open_session(path)


def cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def test_it_is_described_by_its_layers(tmp_path: Path) -> None:
    found = FUNCTIONS.describe(written(tmp_path / "ncnn-fp16.param", half=True), None)
    assert found.format == "ncnn"
    assert [(row.name, row.shape) for row in (*found.inputs, *found.outputs)] == [
        ("image", (3, 12, 10)), ("result", (3, 24, 20))
    ]  # fmt: skip
    assert [row.kind for row in found.operators] == [
        "Convolution", "Reduction", "Sigmoid", "BinaryOp", "PixelShuffle"
    ]  # fmt: skip
    convolution = found.operators[0]
    assert (convolution.fused, convolution.window.kernel) == ("ReLU", (3, 3))
    assert convolution.parameters == found.parameters == 12 * 3 * 9 + 12
    assert convolution.macs == found.macs == 12 * 3 * 9 * 120
    assert found.note.resizable
    # The features and their product with the gate, as float16.
    memory = activation_memory(tmp_path / "ncnn-fp16.param", SIZE)
    assert memory.bytes == 2 * (3 * 120 + 2 * 12 * 120 + 12)


def test_both_files_move_and_go_together(tmp_path: Path) -> None:
    path = written(tmp_path / "m.param")
    (tmp_path / "aside").mkdir()
    move(path, tmp_path / "aside")
    assert [entry.name for entry in tmp_path.iterdir()] == ["aside"]
    assert open_session(tmp_path / "aside" / "m.param").note.model == "tiny"
    remove(tmp_path / "aside" / "m.param")
    assert list((tmp_path / "aside").iterdir()) == []


def test_numbers_beyond_float16_are_refused_by_the_layer(tmp_path: Path) -> None:
    photos = [np.full((20, 30, 3), 200, np.uint8)]
    loud = CONSTANTS["w"] / np.abs(CONSTANTS["w"]).max()
    path = written(tmp_path / "m.param", open_model(w=loud * 6e4), half=True)
    with pytest.raises(NonFiniteOutputError, match=r"'convolution_1' reaches .* in which phones"):
        FUNCTIONS.refuse_fp16_overflow(path, photos, 1.0)
    FUNCTIONS.refuse_fp16_overflow(written(tmp_path / "n.param", half=True), photos, 1.0)
    with pytest.raises(ModelError, match=r"convolution_1, .* has weights beyond 65504"):
        written(tmp_path / "o.param", open_model(w=loud * 7e4), half=True)
    assert not (tmp_path / "o.bin").exists()


def test_an_app_that_reads_them_as_documented_gets_the_same_image(tmp_path: Path) -> None:
    """As docs/ncnn.md says: no code of this project between the files and the pixels."""
    path = written(tmp_path / "m.param")
    pixels = np.random.default_rng(2).integers(0, 256, (*SIZE, 3), np.uint8)
    net = ncnn.Net()
    assert net.load_param(str(path)) == net.load_model(str(path.with_suffix(".bin"))) == 0
    image = ncnn.Mat.from_pixels(pixels, ncnn.Mat.PixelType.PIXEL_RGB, SIZE[1], SIZE[0])
    image.substract_mean_normalize([], [1 / 255] * 3)
    extractor = net.create_extractor()
    extractor.input("image", image)
    _, result = extractor.extract("result")
    result.substract_mean_normalize([-0.5 / 255] * 3, [255] * 3)
    planes = np.array(result).clip(0, 255).astype(np.uint8)  # cuts off, as `to_pixels` does
    assert np.array_equal(planes.transpose(1, 2, 0), open_session(path).run(pixels))


def test_the_note_is_plain_json_behind_the_weights(tmp_path: Path) -> None:
    data = written(tmp_path / "m.param").with_suffix(".bin").read_bytes()
    length = int.from_bytes(data[-17:-9], "little")
    fields = json.loads(data[-17 - length : -17].rstrip(b"\0"))
    assert fields["note"]["edge_imgq.model"] == "tiny"
    assert fields["size"] == [12, 10]
