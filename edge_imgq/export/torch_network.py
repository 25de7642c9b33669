"""Export of torch networks to the float32 ONNX model that serves as the reference.

Shipped networks use a cached graph (`edge_imgq.export.cached_graph`). Torch traces other networks,
and those for which the cached graph does not fit or differs from torch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import torch
from torch import nn

from edge_imgq.artifact import compiler_folder
from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.export.cached_graph import read_cached_graph, with_weights, without_weights
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.load.opset import OPSET
from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
from edge_imgq.library_warnings import without_library_warnings
from edge_imgq.models.zoo import graph_path
from edge_imgq.runtime.onnxruntime import inference_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

AGREEMENT = 1e-5
"""Largest absolute difference always allowed between torch and ONNX Runtime, pixels in [0, 1]."""

ROUNDING = 4.0
"""The difference may be this many times what torch's float32 loses against float64: a network that
multiplies pixels by 255 inside, and adds up in an order of its own, rounds more than AGREEMENT."""


def export_network(network: nn.Module, name: str, contract: ImageContract) -> ir.Model:
    """Export a torch network to a normalised ONNX model with open height and width.

    A graph cached under this name is filled with the network's weights if ONNX Runtime then gives
    torch's result within 1e-5; else torch traces the network.

    Args:
        network: in evaluation mode; float32 (N, C, H, W), pixels in [0, 1], to (N, C, H × scale, W
            × scale). Inputs beside the image are channels after it.
        name: name of the model, for messages.
        contract: number of channels and the multiple that both sides must have.

    Raises:
        ModelError: torch cannot export the network, or ONNX Runtime differs from torch on one image
            of uniform noise by more than 1e-5 and by more than four times what torch's float32
            differs from its float64.
    """
    cached = _cached(network, name)
    if cached is not None:
        model = normalise(cached, name)
        if _difference(network, model, contract) <= AGREEMENT:
            return model
    model = normalise(trace_network(network, name, contract), name)
    _refuse_disagreement(network, model, name, contract)
    return model


def weightless(network: nn.Module, name: str, contract: ImageContract) -> onnx.ModelProto:
    """Trace a network and return its graph without weights, to be cached.

    The network's parameters are overwritten in place with random values in [0.5, 1.5), so that all
    differ.

    Args:
        network: in evaluation mode; float32 (N, C, H, W) to (N, C, H × scale, W × scale).
        name: name of the model, for messages.
        contract: number of channels and the multiple that both sides must have.

    Raises:
        ModelError: torch cannot export the network.
        ValueError: the exporter folded a parameter into a constant.
    """
    generator = torch.Generator().manual_seed(0)
    for values in network.state_dict().values():
        values.copy_(torch.rand(values.shape, generator=generator) + 0.5)
    return without_weights(trace_network(network, name, contract), weights_by_name(network))


def _cached(network: nn.Module, name: str) -> onnx.ModelProto | None:
    path = graph_path(name)
    return (
        with_weights(read_cached_graph(path), weights_by_name(network)) if path.is_file() else None
    )


def weights_by_name(
    network: nn.Module,
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    """Return a network's parameters and buffers by name, as NumPy arrays that share their memory.

    The network must be on the CPU.
    """
    return {name: values.numpy() for name, values in network.state_dict().items()}


def trace_network(network: nn.Module, name: str, contract: ImageContract) -> onnx.ModelProto:
    """Export a network with torch's exporter, before any pass of this package.

    Height and width are open, in multiples of `contract.multiple`. The first input is "image";
    others are planes of the image's sides, with the names of their ports. The output is "enhanced"
    or the name of the contract's result.

    Args:
        network: in evaluation mode; float32 (N, C, H, W) to (N, C, H × scale, W × scale). Inputs
            beside the image are channels after it.
        name: name of the model, for messages.
        contract: inputs, their channels, and the multiple that both sides must have.

    Raises:
        ModelError: torch cannot export it.
    """
    sides = {2: _open_side("height", contract), 3: _open_side("width", contract)}
    channels = [contract.image_channels, *(port.channels for port in contract.further)]
    height, width = contract.multiple * 12, contract.multiple * 16
    examples = tuple(torch.zeros(1, count, height, width) for count in channels)
    names = ("image", *(port.name for port in contract.further))
    result = "enhanced" if contract.result is None else contract.result.name
    if not contract.further:
        return exported(network, examples, name, (sides,), names, result)
    every = ((sides,) * len(examples),)
    return exported(_Joined(network).eval(), examples, name, every, names, result)


class _Joined(nn.Module):
    """A network that takes its inputs one by one and reads them as channels of one image."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the network's output; each input is (N, C, H, W), the image first."""
        result: torch.Tensor = self.network(torch.cat(inputs, dim=1))
        return result


def exported(
    network: nn.Module,
    examples: tuple[torch.Tensor, ...],
    name: str,
    sides: tuple[object, ...],
    inputs: tuple[str, ...] = ("image",),
    result: str = "enhanced",
) -> onnx.ModelProto:
    """Export a network with `torch.onnx.export` (dynamo) at the package's opset.

    Args:
        network: in evaluation mode.
        examples: input tensors to trace with, (N, C, H, W) each.
        name: name of the model, for messages.
        sides: open axes per input, in the format of `torch.export`'s dynamic shapes.
        inputs: names of the inputs.
        result: name of the output.

    Raises:
        ModelError: torch cannot export it; the message gives the first cause.
        KeyboardInterrupt: Ctrl-C was pressed while the exporter ran.
    """
    with _quiet_exporter():
        try:
            program = torch.onnx.export(
                network,
                examples,
                dynamo=True,
                optimize=True,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=[result],
                dynamic_shapes=sides,
                verbose=False,
            )
        except Exception as error:  # the exporter raises whatever its stages raise
            _let_interrupts_pass(error)
            raise ModelError(
                f"torch cannot export {name} to ONNX: {_first_cause(error)}"
            ) from error
    assert program is not None
    proto: onnx.ModelProto = program.model_proto
    return proto


def _let_interrupts_pass(error: BaseException | None) -> None:
    """Re-raise a KeyboardInterrupt that an exporter stage wrapped in its exception."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            raise error
        error = error.__cause__ or error.__context__


def _first_cause(error: BaseException) -> str:
    """Return the first line of the root cause of a chain of exceptions."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().split("\n")[0] or type(error).__name__


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence the exporter's warnings and log messages below ERROR."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with without_library_warnings(), compiler_folder():
            yield
    finally:
        logger.setLevel(level)


def _open_side(side: str, contract: ImageContract) -> object:
    """Create an open dimension, constrained to multiples of `contract.multiple`."""
    if contract.multiple == 1:
        return torch.export.Dim(side)
    return contract.multiple * torch.export.Dim(f"{side}_over_{contract.multiple}")


def _refuse_disagreement(
    network: nn.Module, model: ir.Model, name: str, contract: ImageContract
) -> None:
    difference = _difference(network, model, contract)
    if difference <= AGREEMENT:
        return
    limit = max(AGREEMENT, ROUNDING * _float32_rounding(network, contract))
    if not difference <= limit:
        raise ModelError(
            f"{name}: ONNX Runtime differs from torch by {difference:.1e}, more than {limit:.0e}. "
            "This is a fault of the export; please report it with the network."
        )


def _difference(network: nn.Module, model: ir.Model, contract: ImageContract) -> float:
    """Return the largest absolute difference between ONNX Runtime and torch on one noise image."""
    image = _noise(contract)
    session = inference_session(ir.to_proto(model).SerializeToString())
    exported = session.run(None, split_ports(image, session_entries(session)))[0]
    with torch.no_grad():
        original = network(torch.from_numpy(image)).numpy()
    return float(np.abs(exported - original).max())


def _float32_rounding(network: nn.Module, contract: ImageContract) -> float:
    """Return the largest absolute difference between float32 and float64 on the noise image."""
    image = torch.from_numpy(_noise(contract))
    with torch.no_grad():
        exact = deepcopy(network).double()(image.double())
        return float((network(image) - exact).abs().max())


def _noise(contract: ImageContract) -> NDArray[np.float32]:
    sides = (contract.multiple * 9, contract.multiple * 11)
    return np.random.default_rng(0).random((1, contract.channels, *sides), np.float32)
