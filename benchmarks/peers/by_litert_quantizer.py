"""litert-quantizer: int8 weights and activations from a float file that a converter wrote."""

from __future__ import annotations

from ai_edge_litert.interpreter import Interpreter
from job import Job, work
from litert_quantizer import quantizer, recipe


def convert(job: Job) -> bytes:
    """Return the file."""
    if not job.base.is_file():
        raise FileNotFoundError("there is no float file to start from")
    task = quantizer.Quantizer(str(job.base), recipe.static_wi8_ai8())
    signatures = Interpreter(model_path=str(job.base)).get_signature_list()
    signature, names = next(iter(signatures.items()))
    (name,) = names["inputs"]
    images = [{name: image[None]} for image in job.calibration]
    ranges = task.calibrate({signature: images}, num_threads=1)
    unfinished = job.out.with_suffix(".export.tflite")
    task.quantize(ranges).export_model(str(unfinished), overwrite=True)
    data: bytes = unfinished.read_bytes()
    unfinished.unlink()
    return data


if __name__ == "__main__":
    work(convert)
