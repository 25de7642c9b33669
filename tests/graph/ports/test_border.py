"""A network without padding gets its image mirrored out, and computes what its own file does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import edge_imgq
from edge_imgq.graph.ports.border import Border, find_border
from tests.graph.build import parsed

UP = "out = ConvTranspose<strides=[2,2], pads=[3,3,3,3]>(b, w4)"
UP_FIRST = "c = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(image, w4)"
BODY = f"a = Conv(image, w3) b = Conv(a, w5) {UP}"


def weights(generator: np.random.Generator) -> dict[str, np.ndarray]:
    return {f"w{k}": generator.normal(0, 0.1, (3, 3, k, k)).astype(np.float32) for k in (3, 4, 5)}


@pytest.mark.parametrize(
    ("body", "border"),
    [
        (BODY, Border(4)),
        (f"{UP_FIRST} out = Conv(c, w3)", Border(1, cropped=1)),
        ("out = Conv(image, w3)", Border(1)),
        ("out = Conv<pads=[1,1,1,1]>(image, w3)", None),
        ("out = Conv<pads=[1,1,0,0]>(image, w3)", None),
        ("out = Conv<strides=[2,2]>(image, w3)", None),
    ],
)
def test_the_border_is_what_is_lost_on_each_side(body: str, border: Border | None) -> None:
    arrays = weights(np.random.default_rng(1))
    used = {name: array for name, array in arrays.items() if name in body}
    assert find_border(parsed(body, used, "h, w", channels=3), (40, 48)) == border


def test_the_whole_image_comes_out_of_every_format(tmp_path: Path) -> None:
    import onnx_ir as ir

    model = ir.to_proto(parsed(BODY, weights(np.random.default_rng(2)), "h, w", channels=3))
    onnx.save(model, tmp_path / "valid.onnx")
    found = edge_imgq.export(
        tmp_path / "valid.onnx",
        targets=["onnx-float", "tflite-float", "tflite-int8", "coreml-fp16", "ncnn-float"],
        sizes=(32, 40),
        scheme="int8-fast",
        output=tmp_path / "artifacts",
        bench=False,
    )
    report = found.report
    assert (report.contract.scale, report.contract.border) == (2, 4)
    assert len(report.targets) == 5, (report.failed, report.not_run)
    photo = np.random.default_rng(3).integers(0, 256, (32, 40, 3), np.uint8)
    image = np.pad(photo / 255.0, ((4, 4), (4, 4), (0, 0)), "reflect").astype(np.float32)
    (own,) = onnxruntime.InferenceSession(tmp_path / "valid.onnx").run(
        None, {"image": image.transpose(2, 0, 1)[np.newaxis]}
    )
    wanted = own[0].transpose(1, 2, 0)
    assert wanted.shape == (64, 80, 3)
    for name, most in (("onnx-float.onnx", 1e-5), ("tflite-float.tflite", 1e-5)):
        result = edge_imgq.open_file(found.folder / name).run_float(
            (photo / 255.0).astype(np.float32)
        )
        np.testing.assert_allclose(result, wanted, atol=most)
