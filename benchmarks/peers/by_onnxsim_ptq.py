"""onnxsim's `quantize_static`: QDQ over the whole graph, one file per way to calibrate."""

from __future__ import annotations

import onnx
import onnxsim
from job import Job, work

METHODS = {"min-max": "minmax", "entropy": "entropy", "mse": "mse"}


def convert(job: Job) -> bytes:
    """Return the QDQ model."""
    model = onnx.load(job.model)
    name = model.graph.input[0].name
    images = [{name: image[None]} for image in job.calibration.transpose(0, 3, 1, 2)]
    result = onnxsim.quantize_static(
        model, images, method=METHODS[job.precision], full_graph=True, per_channel=True
    )
    data: bytes = result.SerializeToString()
    return data


if __name__ == "__main__":
    work(convert)
