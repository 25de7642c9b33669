"""Conversion of a checkpoint to the weight file that ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors.torch import save

from edge_imgq.artifact import write_bytes
from edge_imgq.train.checkpoint import load_checkpoint_network, read_checkpoint

if TYPE_CHECKING:
    from pathlib import Path


def publish_weights(checkpoint: Path, destination: Path, psnr: float | None = None) -> None:
    """Write the averaged weights of a checkpoint as a float32 state dict in safetensors.

    The header holds the network's name, the number of steps taken, and the PSNR if given. The write
    is atomic and replaces a file at `destination`.

    Args:
        checkpoint: File that `edge-imgq train` wrote.
        destination: File to write, ending in .safetensors.
        psnr: Mean PSNR in dB on the validation images that the model card names.

    Raises:
        ModelError: The checkpoint is missing, damaged or does not fit its network.
        UsageError: The zoo has no network of the checkpoint's name.
        OutputError: The file cannot be written.
    """
    name, network = load_checkpoint_network(checkpoint)
    step = read_checkpoint(checkpoint)[0].step
    tensors = {key: value.float().contiguous() for key, value in network.state_dict().items()}
    metadata = {"model": name, "step": str(step)}
    if psnr is not None:
        metadata["psnr"] = f"{psnr:.2f}"
    write_bytes(destination, save(tensors, metadata=metadata))
