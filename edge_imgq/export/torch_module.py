"""Conversion of a user's torch module to an ONNX model, verified against the module.

Height and width stay open if the module computes with its input's shape. Where it hard-codes the
example's sides, the model does too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import numpy as np
import onnx
import torch
from torch import nn

from edge_imgq.errors import ModelError
from edge_imgq.export.torch_network import exported
from edge_imgq.runtime.onnxruntime import inference_session

AGREEMENT = 1e-4
"""Largest difference allowed between torch and ONNX Runtime, relative to max(1, |value|)."""

NOISE = 2
"""Number of uniform-noise images, 0 to the example's maximum, compared as well as the example."""


def trace_module(network: nn.Module, example: torch.Tensor, name: str) -> onnx.ModelProto:
    """Export a torch module, in evaluation mode, to an ONNX model.

    The training mode of every submodule is restored afterwards. Height and width are open where
    torch can leave them open. ONNX Runtime is compared with torch on the example and on two images
    of uniform noise, from 0 to the example's largest magnitude.

    Args:
        network: module from one image to one image.
        example: input of shape (1, C, H, W) in the value range of training; converted to the type
            and device of the weights.
        name: name of the model, for messages.

    Raises:
        ModelError: the weights are not float32, the module fails on the example, torch cannot
            export it, it returns anything but one tensor, or ONNX Runtime differs from torch by
            more than 1e-4 × max(1, largest output magnitude).
    """
    _refuse_other_precision(network, name)
    weight = next(iter(network.parameters()), None)
    example = example.to(torch.float32 if weight is None else weight)
    sides = torch.export.Dim.AUTO
    with _evaluating(network), torch.no_grad():
        _refuse_other_outputs(_output(network, example, name), name)
        with redirect_stderr(io.StringIO()):  # torch prints the graph that it could not trace
            model = exported(network, (example,), name, ({2: sides, 3: sides},))
        _refuse_disagreement(network, model, example, name)
    return model


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Put a module and its submodules into evaluation mode, and restore each mode on exit."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _refuse_other_precision(network: nn.Module, name: str) -> None:
    for weight in network.parameters():
        if weight.is_floating_point() and weight.dtype != torch.float32:
            raise ModelError(
                f"{name} has weights of {str(weight.dtype).removeprefix('torch.')}; the reference "
                "is a model of float32. Give it as network.float()."
            )


def _output(network: nn.Module, example: torch.Tensor, name: str) -> object:
    """Run a module on the example.

    Raises:
        ModelError: the module raised an exception.
    """
    try:
        return network(example)
    except Exception as error:  # a person's code raises what it likes
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ModelError(
            f"{name} does not run on an example of shape {tuple(example.shape)}, alone: "
            f"{type(error).__name__}: {reason}. Give an image as the module takes it; a module of "
            "more inputs must be wrapped in one that holds the others."
        ) from error


def _refuse_other_outputs(result: object, name: str) -> None:
    if not isinstance(result, torch.Tensor):
        raise ModelError(
            f"{name} returns a {type(result).__name__}, not one tensor. Wrap it in a module whose "
            "forward takes the image and returns the image."
        )


def _refuse_disagreement(
    network: nn.Module, model: onnx.ModelProto, example: torch.Tensor, name: str
) -> None:
    session = inference_session(model.SerializeToString())
    generator = torch.Generator().manual_seed(0)
    noise = [torch.rand(example.shape, generator=generator) for _ in range(NOISE)]
    peak = float(example.abs().max()) or 1.0
    for image in (example, *(peak * values.to(example) for values in noise)):
        wanted = network(image).float().cpu().numpy()
        got = session.run(None, {session.get_inputs()[0].name: image.cpu().numpy()})[0]
        limit = AGREEMENT * max(1.0, float(np.abs(wanted).max()))
        difference = float(np.abs(got - wanted).max())
        if not difference <= limit:
            raise ModelError(
                f"{name}: ONNX Runtime differs from torch by {difference:.1e}, of values up to "
                f"{np.abs(wanted).max():.1e}, in evaluation mode. What torch's exporter wrote is "
                "not what the module computes: look for randomness, or for Python code that "
                "depends on the values of the image."
            )
