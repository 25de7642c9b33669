"""One family through the whole road: torch → ONNX → TFLite float and int8 → LiteRT."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.export.export_spec import ExportSpec
from edge_imgq.export.tflite.format import write_tflite
from edge_imgq.export.tflite.lower import lower
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.load.opset import OPSET
from edge_imgq.graph.pixels import contract_of
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.graph.read_network import read_network
from edge_imgq.graph.rewrite import rewrite
from edge_imgq.graph.shapes.size import bind_size
from edge_imgq.quantize.quantize import quantize
from edge_imgq.recipe.folders import export_recipes, quantize_recipe
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.runtime.tflite_file import read_note

SEED = 4
SIZE = (32, 40)
SPREAD, MIDDLE = 0.15, 0.5
"""Standard deviation and mean of the last convolution's output: those of an image."""


@dataclass(frozen=True)
class Family:
    """A network that was converted, and an image to run it on."""

    name: str
    model: ir.Model
    contract: ImageContract
    pixels: tuple[Any, ...]

    @property
    def image(self) -> Any:
        """The first image as the float network takes it."""
        return (self.pixels[0].astype(np.float32) / 255).transpose(2, 0, 1)[np.newaxis]


def trained_like(network: nn.Module, image: torch.Tensor) -> nn.Module:
    """Give a network weights that keep variances, and an output that looks like an image."""
    generator = torch.Generator().manual_seed(SEED)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.weight.data.normal_(0, (2 / _fan_in(module)) ** 0.5, generator=generator)
        elif getattr(module, "running_var", None) is not None:
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            module.running_mean.normal_(0, 0.1, generator=generator)
        if "Norm" in type(module).__name__ and getattr(module, "weight", None) is not None:
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
    _settle(network.eval(), image)
    return network


def _fan_in(module: nn.Module) -> float:
    taps = module.weight[0].numel()
    if isinstance(module, nn.ConvTranspose2d):
        taps = taps / module.out_channels * module.in_channels / module.stride[0] ** 2
    return taps


def _settle(network: nn.Module, image: torch.Tensor) -> None:
    """Scale the convolution that runs last, so that the output has the spread of an image."""
    ran: list[tuple[nn.Module, torch.Tensor]] = []

    def note(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        ran.append((module, output))

    handles = [
        module.register_forward_hook(note)
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    with torch.no_grad():
        network(image)
        last, output = ran[-1]
        last.weight.data *= SPREAD / output.std()
        if last.bias is not None:
            last.bias.data.zero_()
            last.bias.data += MIDDLE - network(image).mean()
    for handle in handles:
        handle.remove()


def photographs(channels: int, count: int = 4) -> tuple[Any, ...]:
    """Return images of blocks and noise, (H, W, C) in uint8."""
    generator = np.random.default_rng(SEED)
    height, width = SIZE
    blocks = generator.integers(0, 128, (count, height // 4, width // 4, channels))
    noise = generator.integers(0, 128, (count, height, width, channels))
    return tuple(
        (np.kron(b, np.ones((4, 4, 1))) + n).astype(np.uint8)
        for b, n in zip(blocks, noise, strict=True)
    )


def contract_and_pixels(channels: int) -> tuple[ImageContract, tuple[Any, ...]]:
    """Return the contract and the images of a network of so many channels."""
    contract = ImageContract("image-to-image", 1, "rgb" if channels == 3 else "y")
    return contract, photographs(channels)


def convert(name: str, network: nn.Module, channels: int, opset: int = OPSET) -> Family:
    """Export a network by torch's exporter and normalise it; height and width stay open.

    Args:
        name: of the family.
        network: gets weights here.
        channels: of its images.
        opset: below 18, torch's older exporter traces the network; batch is then open too.
    """
    contract, pixels = contract_and_pixels(channels)
    family = Family(name, ir.Model(ir.Graph([], [], nodes=[]), ir_version=10), contract, pixels)
    image = torch.from_numpy(family.image)
    network = trained_like(network, image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proto = _traced(network, image, opset) if opset < 18 else _exported(network, image)
    return Family(name, normalise(proto, name), contract, pixels)


def _exported(network: nn.Module, image: torch.Tensor) -> onnx.ModelProto:
    sides = {2: 4 * torch.export.Dim("h"), 3: 4 * torch.export.Dim("w")}
    program = torch.onnx.export(
        network, (image,), dynamo=True, optimize=True, opset_version=OPSET,
        input_names=["image"], output_names=["result"], dynamic_shapes=(sides,), verbose=False,
    )  # fmt: skip
    assert program is not None
    return program.model_proto


def _traced(network: nn.Module, image: torch.Tensor, opset: int) -> onnx.ModelProto:
    file = io.BytesIO()
    open_axes = {0: "n", 2: "h", 3: "w"}
    torch.onnx.export(
        network, (image,), file, dynamo=False, opset_version=opset,
        input_names=["image"], output_names=["result"],
        dynamic_axes={"image": open_axes, "result": open_axes},
    )  # fmt: skip
    return onnx.load_from_string(file.getvalue())


def float_file(family: Family) -> bytes:
    """Return the file that the recipe tflite-float describes."""
    recipe = next(recipe for recipe in export_recipes() if recipe.name == "tflite-float")
    return lower(read_network(bind_size(rewrite(family.model, recipe.passes), SIZE)), _note(family))


def target_file(family: Family, target: str, path: Path) -> FileNote:
    """Write the file that a float recipe describes, and return the note in it."""
    recipe = next(recipe for recipe in export_recipes() if recipe.name == target)
    contract = contract_of(family.model, family.name, 1.0)
    note = FileNote(family.name, target, contract, "0.0")
    order = ExportSpec((SIZE,), note, recipe.processors[0], recipe.precision == "float16")
    write_tflite(prepared_graph(family.model, recipe.passes), order, path)
    return read_note(path)


def quantized(family: Family) -> ir.Model:
    """Return the QDQ model by the recipe int8's passes, every weight to its nearest integer."""
    recipe = QuantizeRecipe("int8", "", "min-max", quantize_recipe("int8").passes)
    return bind_size(quantize(family.model, recipe, family.contract, iter(family.pixels)), SIZE)


def int8_file(family: Family, model: ir.Model) -> bytes:
    """Return the TFLite file of a QDQ model."""
    return lower(read_network(model), _note(family))


def run_onnx(model: ir.Model, image: Any) -> Any:
    """Return the output of a model, every node as it stands."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # others would only wait for work, and spin
    proto: onnx.ModelProto = ir.to_proto(model)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    return session.run(None, {session.get_inputs()[0].name: image})[0]


def run_file(data: bytes, image: Any) -> Any:
    """Return the output (N, C, H, W) of a file for an image (N, C, H, W)."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    values = image.transpose(0, 2, 3, 1)
    detail = interpreter.get_input_details()[0]
    if tuple(detail["shape"]) != values.shape:
        interpreter.resize_tensor_input(detail["index"], values.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return result.transpose(0, 3, 1, 2)


def operators(data: bytes) -> Iterator[str]:
    """Yield the operators of a file."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    for node in interpreter._get_ops_details():
        if node["op_name"] != "DELEGATE":
            yield node["op_name"]


def _note(family: Family) -> FileNote:
    return FileNote(family.name, "tflite", family.contract, "0.0")
