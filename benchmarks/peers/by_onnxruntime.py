"""ONNX Runtime's `quantize_static`: QDQ, weights per channel, one file per way to calibrate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from job import Job, work
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

METHODS = {
    "min-max": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


class Images(CalibrationDataReader):  # type: ignore[misc]
    """The calibration images, one by one."""

    def __init__(self, name: str, images: Any) -> None:
        self._feeds: Iterator[dict[str, Any]] = iter([{name: image[None]} for image in images])

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input, None at the end."""
        return next(self._feeds, None)


def convert(job: Job) -> bytes:
    """Return the QDQ model."""
    name = onnx.load(job.model).graph.input[0].name
    images = job.calibration.transpose(0, 3, 1, 2)
    with TemporaryDirectory() as folder:
        prepared, result = Path(folder) / "prepared.onnx", Path(folder) / "result.onnx"
        quant_pre_process(str(job.model), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(result),
            Images(name, images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=METHODS[job.precision],
        )
        return result.read_bytes()


if __name__ == "__main__":
    work(convert)
