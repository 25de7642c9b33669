"""`edge_imgq.open`: a float network, from wherever it comes."""

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
from edge_imgq.ports import NOTHING_ASKED, PortRequests

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
"""A network of the zoo by its name, a path, an ONNX model in memory, or one that is open."""


@dataclass(frozen=True)
class Model:
    """A float network that is open; every file is made from it and measured against it.

    Attributes:
        name: of the model, and of the folder that its files go to.
        sizes: heights and widths that it was opened at; an export takes them where it names none.
        pixel_range: what the person said of its pixels; None where nothing was said.
        source: the network as the stages of the package hand it on.
        given: what it was opened from.
    """

    name: str
    sizes: tuple[Size, ...]
    pixel_range: PixelRange | None
    source: Source = field(repr=False)
    given: str | OnnxModel = field(repr=False)

    @property
    def contract(self) -> ImageContract:
        """Task, scale, colour, and the multiple that its sides must have."""
        return self.source.contract

    @property
    def parameters(self) -> int:
        """How many numbers its weights hold."""
        from edge_imgq.pipeline.verify.references import parameters_of

        return parameters_of(self.source.model)

    def onnx(self) -> onnx.ModelProto:
        """Return the float ONNX model that files are made from: opset 21, simplified."""
        import onnx_ir as ir

        model: onnx.ModelProto = ir.to_proto(self.source.model)
        return model

    def at(self, sizes: tuple[Size, ...]) -> Source:
        """Return the network, opened again where it is wanted at other sizes than before.

        Raises:
            ModelError: it does not take one of them.
        """
        from edge_imgq.pipeline.open_model.source import open_model

        if not sizes or sizes == self.sizes or self.source.original is None:
            return self.source
        return open_model(self.given, self.pixel_range, sizes, self.source.ports)

    def __str__(self) -> str:
        """Return what it is in a line."""
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
    """Open a float network: one image in, an image of the same channels or a vector out.

    Args:
        model: the name of a network that ships (`edge-imgq models`); the path of an .onnx file, of
            a checkpoint that `edge-imgq train` wrote or of DPED's published .npz; an ONNX model
            in memory, as bytes or `onnx.ModelProto`; or a torch module.
        example: an input of a torch module, which is traced with it in evaluation mode: a tensor
            (1, C, H, W) of values as the module is trained with, or an image, uint8 (H, W, C).
        name: of a model in memory; by default the module's class or the graph's name.
        sizes: heights and widths that it is wanted at, (height, width) or several; for a module,
            the example's by default. A model that was exported for another size is opened to these.
        pixel_range: float value of pixel 255 inside the network, or of pixels 0 and 255, such as
            (-1, 1); by default what the file says, else 1.
        output_name: the output that is wanted of several, and
            what it is where its shape does not say, "scores=vector:0..100".
        inputs: what its inputs are where shapes and names do not say, "sigma=plane:0..75/255".
        bind: numbers of inputs beside the image that become constants, by the input's name.
        states: outputs that feed an input of the next frame, "h_out=h_in"; by default those that
            names and shapes tell.

    Raises:
        UsageError: there is no such network, or an argument is missing or wrong.
        ModelError: the model cannot be read, takes or returns no image, or ONNX Runtime computes
            something else from it than its file or module does.
    """
    pixels, ports = as_range(pixel_range), as_ports(output_name, inputs, bind, states)
    return opened_with(model, pixels, ports, as_sizes(sizes), example, name)


def named_or_open(
    model: ModelLike,
    pixels: PixelRange | None,
    ports: PortRequests = NOTHING_ASKED,
    sizes: tuple[Size, ...] = (),
) -> str | Source:
    """Return a path or name as it is where nothing is said of its ports, and other models opened.

    Raises:
        UsageError: it is none, or has no such port.
        ModelError: it cannot be opened.
    """
    from edge_imgq.pipeline.open_model.source import open_model as open_source

    if isinstance(model, (str, os.PathLike)):
        path = os.fspath(model)
        return path if ports == NOTHING_ASKED else open_source(path, pixels, sizes, ports)
    return opened_with(model, pixels, ports, sizes).source


def opened_with(
    model: ModelLike | nn.Module,
    pixels: PixelRange | None,
    ports: PortRequests = NOTHING_ASKED,
    sizes: tuple[Size, ...] = (),
    example: Example | None = None,
    name: str = "",
) -> Model:
    """Return a model, opened by what is said of it, or one that is open as it is.

    Raises:
        UsageError: something is said of one that is open.
        ModelError: it cannot be opened.
    """
    from edge_imgq.pipeline.open_model.source import open_model as open_source

    if isinstance(model, Model):
        if ports != NOTHING_ASKED or pixels not in (None, model.pixel_range):
            raise UsageError(
                f"{model.name} is open already: say its range, its inputs and its output to "
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
    """Return what is to be opened, a name or path or a model in memory, and a module's size.

    Raises:
        UsageError: it is none of these, or an argument does not go with it.
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
    """Return what torch makes of a module, and the size of the example."""
    from torch import nn

    if not isinstance(module, nn.Module):
        raise UsageError(
            f"A {type(module).__name__} is no model: give a name, a path, an ONNX model as bytes "
            "or onnx.ModelProto, or a torch.nn.Module."
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
    """Return an example as a tensor (1, C, H, W); an image gets the values of its pixels.

    Raises:
        UsageError: it is no tensor of that shape.
        ImageError: it is an array, and no image.
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
    """Return the name of a graph as that of a folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def _file_name(name: str) -> str:
    """Return a name that a folder can have.

    Raises:
        UsageError: none can.
    """
    if not name or name != Path(name).name:
        raise UsageError(f"'{name}' is no name for a model: it becomes that of a folder.")
    return name
