"""onnxsim's own converter, channels last: `onnxsim --emit-tflite --tflite-layout nhwc`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx
import onnxsim
from job import Job, work


def convert(job: Job) -> bytes:
    """Return the file."""
    options: dict[str, Any] = {"io_layout": "nhwc"}
    if job.precision == "int8":
        images = job.calibration

        def batches() -> Iterator[list[Any]]:
            for image in images:
                yield [image[None]]

        options["int8_quantize"] = True
        options["representative_dataset"] = batches
        options["inference_io_dtype"] = "uint8"
    model, _ = onnxsim.simplify(onnx.load(job.model))
    data: bytes = onnxsim.export_tflite(model, **options)
    return data


if __name__ == "__main__":
    work(convert)
