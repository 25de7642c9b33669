"""Networks of several outputs: every target that carries them, against the person's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

import edge_imgq
from edge_imgq.errors import ModelError
from edge_imgq.images.port_results import first_result, other_results
from edge_imgq.report.baseline import Tolerances, figures
from edge_imgq.report.comparison import changes_beyond_tolerance
from edge_imgq.report.report_table import report_table
from edge_imgq.runtime.open import open_session
from tests.several_networks import curves, three_scales

pytestmark = pytest.mark.usefixtures("small_patches")

SIZE = (32, 48)
FLOAT = ("onnx-float", "tflite-float", "coreml-fp16", "ncnn-float")
INT8 = ("onnx-int8", "tflite-int8", "coreml-int8")


def exported(path: Path, photos: Path) -> edge_imgq.ModelResult:
    return edge_imgq.export(
        path,
        targets=[*FLOAT, *INT8],
        calibration=photos / "calibration",
        images=photos / "evaluation",
        sizes=SIZE,
        scheme="int8-fast",
        output=path.parent / "artifacts",
        bench=False,
    )


@pytest.fixture(scope="module")
def scales(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> edge_imgq.ModelResult:
    return exported(three_scales(tmp_path_factory.mktemp("scales") / "scales.onnx"), photos)


@pytest.fixture(scope="module")
def brightened(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> edge_imgq.ModelResult:
    return exported(curves(tmp_path_factory.mktemp("curves") / "curves.onnx"), photos)


def own(result: edge_imgq.ModelResult, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Return what ONNX Runtime makes of an image by the file that was given."""
    model = next(result.folder.parent.parent.glob("*.onnx"))
    session = onnxruntime.InferenceSession(model)
    image = pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(None, {"image": image}), strict=True))


def test_the_largest_picture_is_the_first_and_others_are_parts_of_it(
    scales: edge_imgq.ModelResult, brightened: edge_imgq.ModelResult
) -> None:
    contract = scales.report.contract
    assert (contract.result, contract.multiple) == (None, 4)
    assert [(p.name, p.kind, p.downscale) for p in contract.others] == [
        ("quarter", "image", 4),
        ("half", "image", 2),
    ]
    contract = brightened.report.contract
    assert contract.result is None
    assert [(p.name, p.kind, p.channels) for p in contract.others] == [
        ("curves", "plane", 6),
        ("mean", "vector", 3),
    ]
    assert (contract.others[0].low, contract.others[0].high) == ((-1.0,), (1.0,))  # of its Tanh


@pytest.mark.parametrize("network", ["scales", "brightened"])
def test_every_target_keeps_every_output(network: str, request: pytest.FixtureRequest) -> None:
    result: edge_imgq.ModelResult = request.getfixturevalue(network)
    assert {target.target for target in result.report.targets} == {*FLOAT, *INT8}
    names = [port.name for port in result.report.contract.others]
    for target in result.report.targets:
        assert [other.numbers.port for other in target.others] == names
        in_float = target.target in FLOAT
        least = (55 if target.target == "coreml-fp16" else 75) if in_float else 38
        for other in target.others:
            assert other.vs_reference.worst > least, (target.target, other)
            most = 0.002 if in_float else 0.03
            assert (other.numbers.relative < most) or other.kind == "plane", (target.target, other)


@pytest.mark.parametrize("network", ["scales", "brightened"])
@pytest.mark.parametrize(("target", "most"), [("tflite-float", 0.01), ("tflite-int8", 6)])
def test_files_return_what_the_given_file_does(
    network: str, target: str, most: float, request: pytest.FixtureRequest
) -> None:
    result: edge_imgq.ModelResult = request.getfixturevalue(network)
    pixels = np.random.default_rng(7).integers(60, 200, (*SIZE, 3), np.uint8)
    wanted = own(result, pixels)
    session = open_session(result.folder / f"{target}.tflite", 1)
    levels = session.levels(pixels)  # type: ignore[attr-defined]
    contract = session.note.contract
    assert contract.others == result.report.contract.others
    first = wanted["full" if network == "scales" else "enhanced"][0].transpose(1, 2, 0)
    np.testing.assert_allclose(
        first_result(levels, contract), np.clip(first, 0, 1) * 255, atol=most
    )
    for port, found in other_results(levels, contract):
        numbers = wanted[port.name]
        laid = numbers.reshape(1, 1, -1) if port.kind == "vector" else numbers[0].transpose(1, 2, 0)
        low, high = np.array(port.low), np.array(port.high)
        assert found.shape == laid.shape
        np.testing.assert_allclose(found, (laid - low) / (high - low) * 255, atol=most)


def test_a_tflite_file_names_its_outputs_as_the_model_does(
    scales: edge_imgq.ModelResult,
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    for target in ("tflite-float", "tflite-int8"):
        runner = Interpreter(
            model_path=str(scales.folder / f"{target}.tflite")
        ).get_signature_runner()
        shapes = {
            name: tuple(detail["shape"]) for name, detail in runner.get_output_details().items()
        }
        assert shapes == {
            "image_out": (1, 32, 48, 3), "half": (1, 16, 24, 3), "quarter": (1, 8, 12, 3),
        }  # fmt: skip


def test_enhance_writes_a_file_for_every_picture(
    scales: edge_imgq.ModelResult, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(8).integers(0, 256, (64, 80, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    edge_imgq.enhance_files(
        tmp_path / "photo.png", scales.folder / "onnx-float.onnx", tmp_path / "out"
    )
    wanted = own(scales, pixels)
    names = {"full": "photo.png", "half": "photo.half.png", "quarter": "photo.quarter.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(names.values())
    for name, file in names.items():
        found = np.asarray(Image.open(tmp_path / "out" / file), np.float64)
        image = np.clip(wanted[name][0].transpose(1, 2, 0), 0, 1) * 255
        np.testing.assert_allclose(found, image, atol=0.51)


def test_the_report_and_a_baseline_have_every_output(scales: edge_imgq.ModelResult) -> None:
    text = " ".join(report_table(scales.report).split())
    assert "tflite-int8: quarter" in text
    target = next(t for t in scales.report.targets if t.target == "tflite-int8")
    before = figures(target)
    assert set(before.others) == {"quarter", "half"}
    assert changes_beyond_tolerance(before, before, target, Tolerances()) == ((), ())
    worse = replace(before, others={**before.others, "half": before.others["half"] - 2})
    (reason,), _ = changes_beyond_tolerance(before, worse, target, Tolerances())
    assert reason.startswith("'half' against the float model went from")
    gone = {name: value for name, value in before.others.items() if name != "quarter"}
    (reason,), _ = changes_beyond_tolerance(
        before, replace(before, others=gone), target, Tolerances()
    )
    assert "'quarter' is not returned any more" in reason


def test_outputs_are_chosen_in_the_order_of_the_person(tmp_path: Path) -> None:
    path = curves(tmp_path / "curves.onnx")
    chosen = edge_imgq.open(path, output_name=["enhanced", "mean=vector:0..1"])
    assert [port.name for port in chosen.contract.others] == ["mean"]
    assert edge_imgq.open(path, output_name="enhanced").contract.others == ()


def test_what_a_format_cannot_return_is_said(photos: Path, tmp_path: Path) -> None:
    path = three_scales(tmp_path / "scales.onnx")
    targets = ["onnx-float", "coreai-float16"]
    images = photos / "evaluation"
    result = edge_imgq.export(
        path, targets=targets, images=images, sizes=SIZE, output=tmp_path, bench=False
    )
    (failed,) = result.report.failed
    assert failed.target == "coreai-float16"
    assert "Output 'quarter'" in failed.reason
    assert "a file of Core AI here returns one result; name the one" in failed.reason
    assert "Files of ONNX, TFLite, Core ML, ncnn and ExecuTorch return all." in failed.reason


def test_outputs_that_are_no_parts_of_the_picture_are_refused(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(three_scales(tmp_path / "scales.onnx"))
    for node in model.graph.node:
        if node.output[0] in ("half.r", "half.image"):
            del node.attribute[:]
            for name, sides in (("kernel_shape", [2, 4]), ("strides", [2, 4])):
                node.attribute.append(onnx.helper.make_attribute(name, sides))
    onnx.save(model, tmp_path / "odd.onnx")
    with pytest.raises(ModelError, match="--output-name"):
        edge_imgq.open(tmp_path / "odd.onnx")
