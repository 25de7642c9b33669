"""TensorFlow's converter, on a rebuild of the network in TensorFlow's own layout (`rebuild`)."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import tensorflow as tf
from job import Job, work
from rebuild import Rebuild


def convert(job: Job) -> bytes:
    """Return the file; where whole int8 is refused, one with float parts."""
    rebuild = Rebuild(onnx.load(job.model))
    if job.precision == "float":
        return _converted(rebuild, {})
    images = job.calibration

    def batches() -> Iterator[list[Any]]:
        for image in images:
            yield [image[None]]

    mixed = {"optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": batches}
    ends = {"inference_input_type": tf.uint8, "inference_output_type": tf.uint8}
    try:
        return _converted(rebuild, {**mixed, **ends}, [tf.lite.OpsSet.TFLITE_BUILTINS_INT8])
    except Exception:  # TensorFlow raises classes of many kinds
        return _converted(rebuild, mixed)


def _converted(rebuild: Rebuild, options: dict[str, Any], operators: Any = None) -> bytes:
    """Return a file with a signature, which a saved model gives it."""
    module = tf.Module()
    entry = [tf.TensorSpec(rebuild.input_shape, tf.float32, name="image")]
    module.run = tf.function(rebuild.run, input_signature=entry)
    with TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, module.run.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        for name, value in options.items():
            setattr(converter, name, value)
        if operators is not None:
            converter.target_spec.supported_ops = operators
        data: bytes = converter.convert()
    return data


if __name__ == "__main__":
    work(convert)
