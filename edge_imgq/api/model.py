"""`edge_imgq.open`: open a float network from a name, a file, an ONNX model or a torch module."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from edge_imgq.api.arguments import (
    NOTHING_BOUND,
    AnyPath,
    Bound,
    Inputs,
    Range,
    Size,
    Sizes,
    as_ports,
    as_range,
    as_sizes,
)
from edge_imgq.errors import UsageError
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.ports import NO_PORT_REQUESTS, PortRequests

if TYPE_CHECKING:
    import numpy as np
    import onnx
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from edge_imgq.contract import ImageContract, PixelRange
    from edge_imgq.pipeline.open_model.source import Source

    Example: TypeAlias = "torch.Tensor | NDArray[np.uint8]"

ModelLike: TypeAlias = "Model | AnyPath | bytes | onnx.ModelProto"
"""Name of a network that ships, path, ONNX model in memory, or opened model."""


@dataclass(frozen=True)
class Model:
    """An opened float network: every file is made from it and measured against it.

    Attributes:
        name: name of the model and of its folder of files.
        sizes: input sizes (height, width) that it was opened at; `export` uses them by default.
        pixel_range: range of pixels that the user stated; None if not stated.
        source: internal form of the network.
        given: name, path or ONNX model that it was opened from.
    """

    name: str
    sizes: tuple[Size, ...]
    pixel_range: PixelRange | None
    source: Source = field(repr=False)
    given: str | OnnxModel = field(repr=False)

    @property
    def contract(self) -> ImageContract:
        """Task, scale, colour and other properties of the image that it takes and returns."""
        return self.source.contract

    @property
    def parameters(self) -> int:
        """Number of weights: elements of all constants that operators read, biases included."""
        from edge_imgq.pipeline.verify.references import parameters_of

        return parameters_of(self.source.model)

    def onnx(self) -> onnx.ModelProto:
        """Return the simplified float ONNX model (opset 21) that files are made from.

        Its image input is float32 (1, C, H, W); pixels run from 0 to `contract.peak`. It computes
        the same as the model that was opened, up to float32 rounding.
        """
        import onnx_ir as ir

        model: onnx.ModelProto = ir.to_proto(self.source.model)
        return model

    def at(self, sizes: tuple[Size, ...]) -> Source:
        """Return the network for the given input sizes.

        It is opened again, unless they are those that this model was opened at. () leaves the
        network unchanged. One that ships, or a checkpoint, takes any size and is never opened
        again. Sizes are (height, width) in pixels.

        Raises:
            ModelError: it does not take one of the sizes.
        """
        from edge_imgq.pipeline.open_model.source import open_model

        if not sizes or sizes == self.sizes or self.source.original is None:
            return self.source
        return open_model(self.given, self.pixel_range, sizes, self.source.ports)

    def __str__(self) -> str:
        """Return a one-line description."""
        from edge_imgq.report.heading import model_heading

        return model_heading(self.name, self.contract, self.parameters)

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import paragraph

        return paragraph(str(self))


def open_model(
    model: ModelLike | nn.Module,
    *,
    example: Example | None = None,
    name: str = "",
    sizes: Sizes = (),
    pixel_range: Range | None = None,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
) -> Model:
    """Open a float network that takes an image and returns an image or a vector.

    Args:
        model: name of a network that ships (`edge-imgq models`); path of an .onnx file, of a
            checkpoint written by `edge-imgq train` or of DPED's published .npz; ONNX model in
            memory, as bytes or `onnx.ModelProto`; or a torch module.
        example: example input of a torch module, which is traced with it in evaluation mode: a
            float tensor (1, C, H, W) in the module's pixel range, or a uint8 image (H, W, C).
        name: name of a model in memory; "" for the module's class or the graph's name.
        sizes: input (height, width), or several; empty for the model's own, or the size of the
            example. A model exported at another fixed size is converted to these.
        pixel_range: float value of pixel 255 at the network's input, or of pixels 0 and 255, such
            as (-1, 1); None for the range stated in the file, else (0, 1).
        output_name: output to keep, or several; with kind and range if the shape is ambiguous, such
            as "scores=vector:0..100".
        inputs: kinds and ranges of inputs, if shapes and names are ambiguous, such as
            "sigma=plane:0..75/255".
        bind: constants for inputs other than the image, by the input's name.
        states: outputs that feed an input of the next frame, such as "h_out=h_in"; empty to infer
            them from names and shapes.

    Returns:
        The network as a float ONNX graph with its image contract, which `export`, `quantize`,
        `evaluate` and others take.

    Raises:
        UsageError: the network does not exist, or an argument is missing or wrong.
        ModelError: the model cannot be read, takes or returns no image, or ONNX Runtime's result
            for the opened model differs from that of the file or module.
        ImageError: the example image has another type or shape, or a range must be measured and
            photographs are missing.
    """
    pixels, ports = as_range(pixel_range), as_ports(output_name, inputs, bind, states)
    return opened_with(model, pixels, ports, as_sizes(sizes), example, name)


def named_or_open(
    model: ModelLike,
    pixels: PixelRange | None,
    ports: PortRequests = NO_PORT_REQUESTS,
    sizes: tuple[Size, ...] = (),
) -> str | Source:
    """Return a path or name unchanged if no port is requested; open any other model.

    Args:
        model: name, path, ONNX model in memory, or opened model.
        pixels: range of pixels at the network's input; None if not stated.
        ports: requests for its inputs and outputs.
        sizes: input (height, width) to open it at; empty for its own.

    Raises:
        UsageError: `model` is of no supported type, or has no such port.
        ModelError: it cannot be opened.
        ImageError: an example is not an image, or photographs to measure a range on cannot be read.
    """
    from edge_imgq.pipeline.open_model.source import open_model as open_source

    if isinstance(model, (str, os.PathLike)):
        path = os.fspath(model)
        return path if ports == NO_PORT_REQUESTS else open_source(path, pixels, sizes, ports)
    return opened_with(model, pixels, ports, sizes).source


def opened_with(
    model: ModelLike | nn.Module,
    pixels: PixelRange | None,
    ports: PortRequests = NO_PORT_REQUESTS,
    sizes: tuple[Size, ...] = (),
    example: Example | None = None,
    name: str = "",
) -> Model:
    """Open a model with the given pixel range, ports and sizes; return an opened one unchanged.

    Args:
        model: name, path, ONNX model in memory, torch module, or opened model.
        pixels: range of pixels at the network's input; None if not stated.
        ports: requests for its inputs and outputs.
        sizes: input (height, width) to open it at; empty for its own or the example's.
        example: example input of a torch module, as for `open`.
        name: name of a model in memory; "" for its own.

    Raises:
        UsageError: a range or port is given for an opened model.
        ModelError: the model cannot be opened.
        ImageError: the example image has another type or shape.
    """
    from edge_imgq.pipeline.open_model.source import open_model as open_source

    if isinstance(model, Model):
        if ports != NO_PORT_REQUESTS or pixels not in (None, model.pixel_range):
            raise UsageError(
                f"{model.name} is open already: give its range, its inputs and its output to "
                "`open`, and leave them out here."
            )
        return model
    given, own = _given(model, example, name, pixels)
    wanted = sizes or own
    source = open_source(given, pixels, wanted, ports)
    return Model(source.name, wanted, pixels, source, given)


def _given(
    model: object, example: Example | None, name: str, pixels: PixelRange | None
) -> tuple[str | OnnxModel, tuple[Size, ...]]:
    """Return the name, path or ONNX model to open, and the size of a torch module's example.

    Raises:
        UsageError: `model` is of no supported type, or an argument does not apply to it.
    """
    if isinstance(model, (str, os.PathLike)):
        if name or example is not None:
            raise UsageError(
                f"{os.fspath(model)} has a name and no example: leave `name` and `example` out; "
                "they are for models in memory."
            )
        return os.fspath(model), ()
    if isinstance(model, bytes):
        return OnnxModel.in_memory(model, _file_name(name or "model")), ()
    if hasattr(model, "graph") and hasattr(model, "SerializeToString"):
        own = _words(model.graph.name) or "model"
        return OnnxModel.in_memory(model, _file_name(name or own)), ()
    return _traced(model, example, name or type(model).__name__.lower(), pixels)


def _traced(
    module: object, example: Example | None, name: str, pixels: PixelRange | None
) -> tuple[OnnxModel, tuple[Size, ...]]:
    """Return a torch module as an ONNX model, and the (height, width) of the example."""
    from torch import nn

    if not isinstance(module, nn.Module):
        raise UsageError(
            f"A {type(module).__name__} is not a model: give a name, a path, an ONNX model as "
            "bytes or onnx.ModelProto, or a torch.nn.Module."
        )
    if example is None:
        raise UsageError(
            f"{type(module).__name__} is a torch module: give an example of its input too, such as "
            "example=torch.rand(1, 3, 180, 320)."
        )
    from edge_imgq.export.torch_module import trace_module

    image = _tensor(example, pixels)
    proto = trace_module(module, image, _file_name(name))
    return OnnxModel.in_memory(proto, name), ((image.shape[2], image.shape[3]),)


def _tensor(example: Example, pixels: PixelRange | None) -> torch.Tensor:
    """Return an example as a tensor (1, C, H, W); an image is converted to the pixel range.

    Raises:
        UsageError: a tensor is not float or has another shape.
        ImageError: an array is not an image.
    """
    import torch

    if isinstance(example, torch.Tensor):
        if example.ndim != 4 or example.shape[0] != 1 or not example.is_floating_point():
            raise UsageError(
                f"The example is {str(example.dtype).removeprefix('torch.')} of shape "
                f"{tuple(example.shape)}; give floats (1, channels, height, width)."
            )
        return example.detach()
    from edge_imgq.images.files import as_image
    from edge_imgq.images.layout import to_nchw

    low, high = (pixels.low, pixels.high) if pixels else (0.0, 1.0)
    return torch.from_numpy(to_nchw(as_image(example, "the example"), high - low) + low)


def _words(name: str) -> str:
    """Return a graph's name with characters unsuitable for a folder replaced by "-"."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def _file_name(name: str) -> str:
    """Return a model's name after checking that a folder can have it.

    Raises:
        UsageError: the name is empty or contains a path separator.
    """
    if not name or name != Path(name).name:
        raise UsageError(f"'{name}' cannot be a model's name: a folder is named after it.")
    return name
