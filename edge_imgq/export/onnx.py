"""From a torch network to the float ONNX model that everything else is measured against.

The graphs of the networks that ship are kept (`edge_imgq.export.cached_graph`); torch traces the
others, and those whose kept graph does not answer as the network does.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import onnx_ir as ir
import torch
from torch import nn

from edge_imgq.artifact import compiler_folder
from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.export.cached_graph import read_kept, with_weights, without_weights
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.load.opset import OPSET
from edge_imgq.models.zoo import graph_path
from edge_imgq.runtime.onnxruntime import inference_session

AGREEMENT = 1e-5
"""Largest difference between torch and ONNX Runtime, with pixels in [0, 1]."""


def export_network(network: nn.Module, name: str, contract: ImageContract) -> ir.Model:
    """Return the normalised ONNX model of a torch network, height and width open.

    Args:
        network: in evaluation mode; float32 (N, C, H, W) to (N, C, H × scale, W × scale).
        name: of the model, for messages.
        contract: its channels and the multiple that its sides must have.

    Raises:
        ModelError: torch cannot export it, or ONNX Runtime does not agree with torch to 1e-5.
    """
    kept = _kept(network, name)
    if kept is not None:
        model = normalise(kept, name)
        if _difference(network, model, contract) <= AGREEMENT:
            return model
    model = normalise(trace_network(network, name, contract), name)
    _refuse_disagreement(network, model, name, contract)
    return model


def weightless(network: nn.Module, name: str, contract: ImageContract) -> onnx.ModelProto:
    """Return the graph of a network to keep. Its weights become random: no two must be alike.

    Arguments and errors are those of `export_network`.
    """
    generator = torch.Generator().manual_seed(0)
    for values in network.state_dict().values():
        values.copy_(torch.rand(values.shape, generator=generator) + 0.5)
    return without_weights(trace_network(network, name, contract), weights_by_name(network))


def _kept(network: nn.Module, name: str) -> onnx.ModelProto | None:
    path = graph_path(name)
    return with_weights(read_kept(path), weights_by_name(network)) if path.is_file() else None


def weights_by_name(
    network: nn.Module,
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    """Return a network's state dict as numpy arrays that share its memory."""
    return {name: values.numpy() for name, values in network.state_dict().items()}


def trace_network(network: nn.Module, name: str, contract: ImageContract) -> onnx.ModelProto:
    """Export a network with torch's exporter: as traced, before any pass of ours.

    Height and width stay open, in multiples of what the contract says.
    """
    image = torch.zeros(1, contract.channels, contract.multiple * 12, contract.multiple * 16)
    sides = {2: _open_side("height", contract), 3: _open_side("width", contract)}
    result = "enhanced" if contract.result is None else contract.result.name
    return exported(network, image, name, (sides,), result)


def exported(
    network: nn.Module,
    example: torch.Tensor,
    name: str,
    sides: tuple[dict[int, object], ...],
    result: str = "enhanced",
) -> onnx.ModelProto:
    """Return what torch's exporter makes of a network.

    Args:
        network: in evaluation mode.
        example: an input.
        name: of the model, for messages.
        sides: which axes of the input are open, as `torch.export` wants that.
        result: name of the output.

    Raises:
        ModelError: torch cannot export it.
    """
    with _quiet_exporter():
        try:
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                optimize=True,
                opset_version=OPSET,
                input_names=["image"],
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
    """Raise the Ctrl-C that the exporter took for a failure of one of its stages, if it was one."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            raise error
        error = error.__cause__ or error.__context__


def _first_cause(error: BaseException) -> str:
    """Return what the first of a chain of errors says: the others say which stage it ended."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().split("\n")[0] or type(error).__name__


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence what the exporter says of its own internals and of packages it does not need."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), compiler_folder():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _open_side(side: str, contract: ImageContract) -> object:
    """Return an open dimension; a network with strides takes multiples of a number only."""
    if contract.multiple == 1:
        return torch.export.Dim(side)
    return contract.multiple * torch.export.Dim(f"{side}_over_{contract.multiple}")


def _refuse_disagreement(
    network: nn.Module, model: ir.Model, name: str, contract: ImageContract
) -> None:
    difference = _difference(network, model, contract)
    if not difference <= AGREEMENT:
        raise ModelError(
            f"{name}: ONNX Runtime differs from torch by {difference:.1e}, more than "
            f"{AGREEMENT:.0e}. This is a fault of the export; please report it with the network."
        )


def _difference(network: nn.Module, model: ir.Model, contract: ImageContract) -> float:
    """Return the largest difference between the image of ONNX Runtime and that of torch."""
    sides = (contract.multiple * 9, contract.multiple * 11)
    image = np.random.default_rng(0).random((1, contract.channels, *sides), np.float32)
    session = inference_session(ir.to_proto(model).SerializeToString())
    exported = session.run(None, {session.get_inputs()[0].name: image})[0]
    with torch.no_grad():
        original = network(torch.from_numpy(image)).numpy()
    return float(np.abs(exported - original).max())
