"""onnx2tf with its default backend, which writes the file itself; int8 per channel."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnx2tf
from job import Job, work

SUFFIX = {"float": "float32", "int8": "full_integer_quant"}


def convert(job: Job) -> bytes:
    """Let onnx2tf write all its files into a folder, and return the one that is asked for."""
    options: dict[str, Any] = _int8_options(job) if job.precision == "int8" else {}
    with TemporaryDirectory() as folder:
        onnx2tf.convert(
            input_onnx_file_path=str(job.model),
            output_folder_path=folder,
            non_verbose=True,
            **options,
        )
        (file,) = Path(folder).glob(f"*_{SUFFIX[job.precision]}.tflite")
        return file.read_bytes()


def _int8_options(job: Job) -> dict[str, Any]:
    """Return what calibration takes: (input, images, mean, standard deviation)."""
    ends = (1, 1, 1, job.calibration.shape[3])
    name = onnx.load(job.model).graph.input[0].name
    images = str(job.case / "calibration.npy")
    return {
        "output_integer_quantized_tflite": True,
        "quant_type": "per-channel",
        "input_quant_dtype": "uint8",
        "output_quant_dtype": "uint8",
        "custom_input_op_name_np_data_path": [
            [name, images, np.zeros(ends, np.float32), np.ones(ends, np.float32)]
        ],
    }


if __name__ == "__main__":
    work(convert)
