"""litert-torch with channels last at both ends; int8 by its own PT2E quantizer, per channel."""

from __future__ import annotations

from typing import Any

import litert_torch
import torch
from job import Job, work
from litert_torch.quantize.pt2e_quantizer import PT2EQuantizer, get_symmetric_quantization_config
from litert_torch.quantize.quant_config import QuantConfig
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e


def convert(job: Job) -> bytes:
    """Return the file."""
    images = torch.from_numpy(job.calibration)
    network = torch.export.load(job.case / "network.pt2").module()
    channels_last = litert_torch.to_channel_last_io(network, args=[0], outputs=[0])
    if job.precision == "float":
        model = litert_torch.convert(channels_last, (images[:1],))
    else:
        model = _int8(channels_last, images)
    unfinished = job.out.with_suffix(".export.tflite")
    model.export(str(unfinished))
    data: bytes = unfinished.read_bytes()
    unfinished.unlink()
    return data


def _int8(network: Any, images: Any) -> Any:
    options = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=False)
    quantizer = PT2EQuantizer().set_global(options)
    observed = prepare_pt2e(torch.export.export(network, (images[:1],)).module(), quantizer)
    for image in images:
        observed(image[None])
    quantized = convert_pt2e(observed, fold_quantize=False)
    config = QuantConfig(pt2e_quantizer=quantizer)
    return litert_torch.convert(quantized, (images[:1],), quant_config=config)


if __name__ == "__main__":
    work(convert)
