"""NNCF's post-training quantization of ONNX models: QDQ, weights per channel."""

from __future__ import annotations

import nncf
import onnx
from job import Job, work

PRESETS = {
    "performance": nncf.QuantizationPreset.PERFORMANCE,
    "mixed": nncf.QuantizationPreset.MIXED,
}


def convert(job: Job) -> bytes:
    """Return the QDQ model."""
    model = onnx.load(job.model)
    name = model.graph.input[0].name
    images = job.calibration.transpose(0, 3, 1, 2)
    feeds = nncf.Dataset([{name: image[None]} for image in images])
    preset = PRESETS[job.precision]
    result = nncf.quantize(model, feeds, preset=preset, subset_size=len(images))
    data: bytes = result.SerializeToString()
    return data


if __name__ == "__main__":
    work(convert)
