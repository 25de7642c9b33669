"""Initialisation of a network with the weights of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open

from edge_imgq.errors import ModelError
from edge_imgq.models.fsrcnn import FSRCNN, resample_kernel
from edge_imgq.models.interpolated import SlimVDSR
from edge_imgq.models.zoo import zoo_entry

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

AVERAGE = "average."
"""Prefix of the averaged weights in a checkpoint, which are the ones loaded."""


@torch.no_grad()
def warm_start(network: nn.Module, path: Path) -> None:
    """Load the weights of a file into a new network, layer by layer.

    A layer that the file lacks, or has in another shape, keeps its initial weights. The transposed
    convolution of an FSRCNN of another scale is resampled to this scale. For a `SlimVDSR`, a first
    convolution of stride `scale` becomes an equivalent one on the pixel-unshuffled image.

    Args:
        network: New network of the zoo; changed in place.
        path: A checkpoint, or weights that ship with a network of the zoo.

    Raises:
        ModelError: The file cannot be read, is of no network of the zoo, or fits no layer.
        UsageError: The zoo has no network of the file's name.
    """
    model, tensors = _read(path)
    scale = zoo_entry(model).scale
    if isinstance(network, FSRCNN) and network.scale != scale and "upsample.weight" in tensors:
        kernel = tensors["upsample.weight"]
        tensors["upsample.weight"] = resample_kernel(kernel, scale, network.scale)
    if isinstance(network, SlimVDSR):
        _read_phases(tensors, network.scale)
    own = network.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in own and v.shape == own[k].shape}
    if not fitting:
        raise ModelError(f"{path} holds no layer of this network; it is {model}.")
    network.load_state_dict(fitting, strict=False)


def _read_phases(tensors: dict[str, Tensor], scale: int) -> None:
    """Convert a first convolution of stride `scale` on an image to one on the image's phases."""
    kernel = tensors.get("first.weight")
    if kernel is not None and kernel.shape[1] == 1 and kernel.shape[-1] % scale == 0:
        tensors["first.weight"] = torch.nn.functional.pixel_unshuffle(kernel, scale)


def _read(path: Path) -> tuple[str, dict[str, Tensor]]:
    """Return the name of the network and its weights, named as in its state dict."""
    import json

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        model = metadata.get("model") or json.loads(metadata["state"])["model"]
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(
            f"{path} is neither a checkpoint nor weights of a network of the zoo: {error}."
        ) from error
    averaged = {k.removeprefix(AVERAGE): v for k, v in tensors.items() if k.startswith(AVERAGE)}
    return model, averaged or tensors
