"""A person's file against the model that was read from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import edge_imgq.graph.load.load as load
from edge_imgq.artifact import ORIGINAL, REFERENCE_FOLDER
from edge_imgq.contract import PixelRange
from edge_imgq.devices.host import HostDevice
from edge_imgq.errors import ModelError
from edge_imgq.pipeline.export.export import ExportRequest, export
from edge_imgq.pipeline.open_model import equivalence
from edge_imgq.pipeline.open_model.original_file import SourceAgreement
from edge_imgq.pipeline.open_model.source import open_model
from edge_imgq.pipeline.verify.references import Candidate, References
from edge_imgq.skipped import Skipped

GENERATOR = np.random.default_rng(14)
FIRST, LAST = (1, 3, "h", "w"), (1, "h", "w", 3)


def model(
    nodes: list[onnx.NodeProto],
    constants: dict[str, Any],
    shape: tuple[Any, ...] = FIRST,
    kind: int = TensorProto.FLOAT,
    opset: int = 21,
) -> onnx.ModelProto:
    ends = [helper.make_tensor_value_info(name, kind, shape) for name in ("image", "out")]
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], tensors)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=min(10, 4 + opset)
    )


def conv(channels: int = 3, kind: type = np.float32) -> tuple[list[onnx.NodeProto], dict[str, Any]]:
    weight = GENERATOR.normal(0, 0.2, (channels, channels, 3, 3)).astype(kind)
    return [helper.make_node("Conv", ["image", "w"], ["out"], pads=[1] * 4)], {"w": weight}


def saved(tmp_path: Path, proto: onnx.ModelProto) -> str:
    path = tmp_path / "theirs.onnx"
    onnx.save(proto, path)
    return str(path)


def bytes_inside() -> onnx.ModelProto:
    """Return a network of uint8 pixels, (N, H, W, C), as TensorFlow's exporter writes it."""
    node = helper.make_node
    weight = GENERATOR.normal(0, 0.2, (3, 3, 3, 3)).astype(np.float32)
    nodes = [
        node("Cast", ["image"], ["real"], to=TensorProto.FLOAT),
        node("Transpose", ["real"], ["first"], perm=[0, 3, 1, 2]),
        node("Conv", ["first", "w"], ["made"], pads=[1] * 4),
        node("Add", ["made", "first"], ["sum"]),
        node("Clip", ["sum", "low", "high"], ["clipped"]),
        node("Transpose", ["clipped"], ["last"], perm=[0, 2, 3, 1]),
        node("Cast", ["last"], ["out"], to=TensorProto.UINT8),
    ]
    ends = {"low": np.float32(0), "high": np.float32(255)}
    return model(nodes, {"w": weight, **ends}, LAST, TensorProto.UINT8)


def keras() -> onnx.ModelProto:
    """Return a network of (N, H, W, C)."""
    weight = GENERATOR.normal(0, 0.2, (3, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "w"], ["made"], pads=[1] * 4),
        helper.make_node("Transpose", ["made"], ["out"], perm=[0, 2, 3, 1]),
    ]
    return model(nodes, {"w": weight}, LAST)


def swish(opset: int) -> onnx.ModelProto:
    return model([helper.make_node("Swish", ["image"], ["out"], alpha=1.3)], {}, opset=opset)


READ = {
    "float": lambda: model(*conv()),
    "batches of two": lambda: model(*conv(), shape=(2, 3, 16, 24)),
    "double": lambda: model(*conv(kind=np.float64), kind=TensorProto.DOUBLE),
    "half": lambda: model(*conv(kind=np.float16), kind=TensorProto.FLOAT16),
    "channels last": keras,
    "bytes": bytes_inside,
    "opset 24": lambda: swish(24),
    "opset 28": lambda: swish(28),
}


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("pixels", [None, PixelRange(-1, 1)])
def test_what_was_read_agrees_with_the_file(
    tmp_path: Path, name: str, pixels: PixelRange | None
) -> None:
    if name == "bytes" and pixels is not None:
        pytest.skip("bytes have one range")
    source = open_model(saved(tmp_path, READ[name]()), pixels)
    assert source.original is not None
    found = source.original.agreement
    assert isinstance(found, SourceAgreement), found
    rounded = {"half": 1.0, "bytes": 1.01}
    assert found.levels < rounded.get(name, 0.01)
    evaluated = name in ("opset 28", "double")  # ONNX Runtime lacks the opset, and such a Conv
    assert found.runtime.startswith("ONNX's reference" if evaluated else "ONNX Runtime")


def broken(step: str) -> tuple[tuple[str, Any], ...]:
    """Return the steps of reading, one of which also negates the weights."""

    def negated(model: onnx.ModelProto) -> onnx.ModelProto:
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        for tensor in changed.graph.initializer:
            values = -numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        return changed

    return tuple(
        (what, lambda model, own=own: negated(own(model))) if what == step else (what, own)
        for what, own in load.CONVERSION
    )


@pytest.mark.parametrize("step", [what for what, _ in load.CONVERSION])
@pytest.mark.parametrize("kind", ["float", "channels last"])
def test_a_step_that_changes_the_image_is_a_refusal_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, kind: str
) -> None:
    path = saved(tmp_path, READ[kind]())
    monkeypatch.setattr(load, "CONVERSION", broken(step))
    monkeypatch.setattr(equivalence, "LOADING_STEPS", (*load.DECOMPOSITION, *load.CONVERSION))
    with pytest.raises(ModelError, match=f"levels of 255 apart.*What changed it is {step}"):
        open_model(path)


def test_a_file_that_rounds_inside_may_differ_where_a_digit_decides(tmp_path: Path) -> None:
    """Conv and Mul are folded into one by reading; a Floor behind them falls either way."""
    nodes, constants = conv()
    nodes[0].output[0] = "made"
    rest = [
        helper.make_node("Mul", ["made", "k"], ["more"]),
        helper.make_node("Floor", ["more"], ["out"]),
    ]
    proto = model([*nodes, *rest], {**constants, "k": np.float32(2000.7)})
    source = open_model(saved(tmp_path, proto))
    assert source.original is not None
    assert isinstance(source.original.agreement, SourceAgreement)


def test_a_file_that_no_runtime_here_runs_is_not_compared_and_says_why(tmp_path: Path) -> None:
    proto = swish(28)
    for value in (proto.graph.input[0], proto.graph.output[0]):
        for axis, side in ((2, 400), (3, 600)):
            value.type.tensor_type.shape.dim[axis].dim_value = side
    source = open_model(saved(tmp_path, proto))
    assert source.original is not None
    found = source.original.agreement
    assert isinstance(found, Skipped)
    assert "400x600 is too large for ONNX's reference evaluator" in found.reason


def request(path: str, tmp_path: Path) -> ExportRequest:
    return ExportRequest(
        model=path, targets=("onnx-float",), output=tmp_path / "made", calibration=None,
        images=None, sizes=((48, 64),), pixels=PixelRange(-1, 1), threads=1, timed=False,
    )  # fmt: skip


def test_drift_is_measured_against_the_file_that_was_given(tmp_path: Path) -> None:
    path = saved(tmp_path, keras())
    report = export(request(path, tmp_path), lambda _: None)
    assert report.original == (
        f"ONNX Runtime {onnxruntime.__version__} (CPU, every node as it stands)"
    )
    folder = tmp_path / "made" / "theirs"
    kept = folder / REFERENCE_FOLDER / ORIGINAL
    assert kept.read_bytes() == Path(path).read_bytes()
    pixels = GENERATOR.integers(0, 256, (48, 64, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(path)
    given = (pixels[np.newaxis] / np.float32(127.5) - 1).astype(np.float32)
    (wanted,) = session.run(None, {"image": given})
    levels = np.clip(np.rint((wanted[0] + 1) * 127.5), 0, 255)
    got = References(folder, 1).float.run(pixels)
    assert np.abs(got.astype(int) - levels).max() <= 1
    assert (got == levels).mean() > 0.999


def test_another_original_beside_the_references_is_an_error(tmp_path: Path) -> None:
    export(request(saved(tmp_path, keras()), tmp_path), lambda _: None)
    folder = tmp_path / "made" / "theirs"
    (folder / REFERENCE_FOLDER / ORIGINAL).write_bytes(keras().SerializeToString())
    candidate = Candidate(folder / "onnx-float.onnx", None)
    with pytest.raises(ModelError, match="is not the file that the float graph beside it"):
        References(folder, 1).open(candidate, HostDevice())
    (folder / REFERENCE_FOLDER / ORIGINAL).unlink()
    found = References(folder, 1).original
    assert isinstance(found, Skipped)
    assert "is not there any more" in found.reason


@pytest.mark.parametrize(("name", "why"), [("bytes", "8-bit"), ("opset 28", "does not open it")])
def test_what_cannot_be_the_reference_is_said_with_how_it_was_compared(
    tmp_path: Path, name: str, why: str
) -> None:
    path = saved(tmp_path, READ[name]())
    pixels = None if name == "bytes" else PixelRange(-1, 1)
    report = export(replace(request(path, tmp_path), pixels=pixels), lambda _: None)
    assert isinstance(report.original, Skipped)
    assert why in report.original.reason
    assert "at 48x64 the two are at most" in report.original.reason
