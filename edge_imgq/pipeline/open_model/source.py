"""Open a network of the zoo, a checkpoint or an .onnx file as a float model with its contract."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.contract import ImageContract, PixelRange, has_note
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.models.zoo import ZOO, zoo_entry
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.ports import NO_PORT_REQUESTS, Port, PortRequests

if TYPE_CHECKING:
    import onnx_ir as ir
    from torch import nn

    from edge_imgq.graph.pass_pipeline import Watcher
    from edge_imgq.graph.prepared import PreparedGraph
    from edge_imgq.pipeline.open_model.original_file import Original

Size = tuple[int, int]


@dataclass(frozen=True)
class Source:
    """An opened float model, the reference of all its files.

    Attributes:
        name: name of the model and of its folder in the output folder.
        model: normalised float ONNX model; pixels 0 … peak.
        contract: task, scale, colour, peak and ports of the model.
        is_own: True if edge-imgq made the network or wrote the file, so it states its contract.
        original: ONNX model that it was loaded from; None for the zoo and checkpoints.
        given: name or path given by the user; "" for a model in memory.
        pixel_range: pixel range given by the user; None if not given.
        ports: inputs and outputs as given by the user.
    """

    name: str
    model: ir.Model
    contract: ImageContract
    is_own: bool
    original: Original | None = None
    given: str = ""
    pixel_range: PixelRange | None = None
    ports: PortRequests = NO_PORT_REQUESTS
    _prepared: dict[tuple[tuple[str, ...], KernelProfile], PreparedGraph] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def pixels(self) -> PixelRange:
        """The numbers of pixel 0 and pixel 255 in the model as given."""
        return self.pixel_range or PixelRange(0.0, self.contract.peak)

    def prepared(
        self,
        passes: Sequence[str] = (),
        kernels: KernelProfile = DEFAULT,
        watcher: Watcher | None = None,
    ) -> PreparedGraph:
        """Return the model after the passes; cached, so callers must not change it.

        Refusals, the quantizer and the writers share the graph.

        Args:
            passes: names of further passes, as in recipes.
            kernels: kernel profile of the target processor.
            watcher: called after each phase; if given, the passes run again even if cached.

        Raises:
            RecipeError: a pass does not exist.
        """
        from edge_imgq.graph.prepared import prepared_graph

        key = (tuple(passes), kernels)
        if watcher is not None or key not in self._prepared:
            self._prepared[key] = prepared_graph(self.model, passes, watcher, kernels)
        return self._prepared[key]


def open_model(
    given: str | OnnxModel,
    pixels: PixelRange | None = None,
    sizes: Sequence[Size] = (),
    ports: PortRequests = NO_PORT_REQUESTS,
) -> Source:
    """Open a model as a normalised float graph with its contract; pixels are 0 … peak.

    Args:
        given: name of the zoo; path of a checkpoint, an .onnx file or DPED's published .npz; or an
            ONNX model in memory.
        pixels: pixel range of an .onnx file that does not state it; None for 0 to 1, or 0 to 255
            if its input is uint8.
        sizes: (height, width) that it will be used at; an .onnx file of another fixed size is
            rewritten to take any size.
        ports: inputs and outputs of an .onnx file as given by the user.

    Raises:
        UsageError: there is no such model or port, or the model itself states what was given.
        ModelError: it cannot be read, cannot take one of the sizes, or the loaded model computes
            another image than the .onnx file does in ONNX Runtime.
        ImageError: a range must be measured and the manifest's photographs are missing, or too
            small.
    """
    if isinstance(given, OnnxModel):
        source = _from_onnx(replace(given, ports=ports), pixels, sizes)
        refuse_range(given.where, pixels, says_range=source.is_own)
        return replace(source, pixel_range=pixels, ports=ports)
    source = _named(given, pixels, sizes, ports)
    refuse_range(given, pixels, says_range=source.is_own)
    return replace(source, given=given, pixel_range=pixels, ports=ports)


def refuse_range(name: str, pixels: PixelRange | None, *, says_range: bool) -> None:
    """Raise if a pixel range is given for a model that states its own; do nothing else.

    Args:
        name: name of the model in the message.
        pixels: range given by the user; None if not given.
        says_range: True if the model states its range.

    Raises:
        UsageError: both are given.
    """
    if pixels is not None and says_range:
        raise UsageError(
            f"{name} states its own pixel range: leave --range out (`pixel_range` in Python). "
            "It is for other .onnx files."
        )


def refuse_ports(name: str, ports: PortRequests) -> None:
    """Raise if port options are given for a model that is not a user's .onnx file.

    Args:
        name: name of the model in the message.
        ports: options given by the user.

    Raises:
        UsageError: an option is given.
    """
    if ports != NO_PORT_REQUESTS:
        raise UsageError(
            f"{name} states its own inputs and outputs: leave {ports.words[0]} out. It is for "
            "other .onnx files; for those of edge-imgq, give it to `export`."
        )


def _named(
    text: str, pixels: PixelRange | None, sizes: Sequence[Size], ports: PortRequests
) -> Source:
    path = Path(text)
    if path.suffix.lower() == ".onnx":
        return _from_onnx(replace(OnnxModel.file(path), ports=ports), pixels, sizes)
    refuse_ports(text, ports)
    if path.suffix.lower() == ".safetensors":
        return _from_checkpoint(path)
    if path.suffix.lower() == ".npz":
        return _from_published_dped(path)
    if text not in ZOO and path.is_dir():
        raise UsageError(not_a_folder(path, (".onnx", ".safetensors")))
    if text not in ZOO and path.exists():
        raise UsageError(
            f"{text} is neither a checkpoint (.safetensors) nor an ONNX model (.onnx)."
        )
    if text not in ZOO and path.suffix:
        raise UsageError(f"There is no model at {text}.")
    return _from_zoo(text)


def not_a_folder(folder: Path, suffixes: Collection[str]) -> str:
    """Return the message for a folder given as a model; it suggests a file of a suffix in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in suffixes)
    example = next(files, None)
    if example is None:
        return f"{folder} is a folder: name a file, or a network of the zoo (edge-imgq models)."
    return f"{folder} is a folder: name a file in it, such as {example}."


def opened(model: str | Source, pixels: PixelRange | None, sizes: Sequence[Size] = ()) -> Source:
    """Return an opened model unchanged, and open one given by name or path.

    For an opened model `pixels` and `sizes` are ignored. Errors are those of `open_model`.
    """
    return open_model(model, pixels, sizes) if isinstance(model, str) else model


def refuse_odd_size(source: Source, size: tuple[int, int]) -> None:
    """Raise if a (height, width) in pixels is one that the model does not take.

    Raises:
        ModelError: a side is not a multiple of the contract's.
    """
    _refuse_odd(source.name, source.contract, size)


def _refuse_odd(name: str, contract: ImageContract, size: tuple[int, int]) -> None:
    if size != (fits := contract.fitting(size)):
        raise ModelError(
            f"{name} takes sides that are multiples of {contract.multiple}; "
            f"{size[0]}x{size[1]} is not. Say --size {fits[0]}x{fits[1]}."
        )


def _from_onnx(given: OnnxModel, pixels: PixelRange | None, sizes: Sequence[Size]) -> Source:
    """Load an ONNX model, bring it to pixels 0 … peak, and compare it with the file."""
    from edge_imgq.graph.load.dynamic_shape import with_dynamic_size
    from edge_imgq.graph.load.load import normalise
    from edge_imgq.graph.load.uint8_io import pixel_range_of, with_byte_ranges
    from edge_imgq.graph.pixels import read_pixels
    from edge_imgq.graph.ports.port_inputs import (
        refuse_bound_beyond,
        shape_vectors,
        take_image_first,
    )
    from edge_imgq.graph.ports.port_refusals import refuse_contradicted
    from edge_imgq.graph.shapes.size import bind_size, is_shaped_by_size, own_size
    from edge_imgq.pipeline.open_model.equivalence import original_of

    proto = given.checked()
    model = normalise(proto, given.where)
    if has_note(model.metadata_props):
        refuse_ports(given.where, given.ports)
    take_image_first(model, given.ports, given.where)
    refuse_contradicted(model, given.ports)
    shape_vectors(model)
    model, states = _ordered(model, given, sizes)
    if any(own_size(model) not in (None, size) for size in sizes):
        model = with_dynamic_size(model, given.name)
    pixels = pixel_range_of(proto, str(model.graph.inputs[0].name), pixels, given.where)
    peak, span = pixels.high if pixels.low == 0 else 1.0, (pixels.low, pixels.high)
    refuse_bound_beyond(given.ports, span)
    requests = with_byte_ranges(given.ports, proto)
    model, stated = read_pixels(model, given.where, peak, sizes, requests, span, states)
    contract = replace(stated, port_options=given.ports.words)
    for size in sizes:
        _refuse_odd(given.name, contract, size)
    if has_note(model.metadata_props):
        pixels = PixelRange(0.0, contract.peak)
    else:
        contract = _in_peak_range(model, contract, pixels, given.ports)
    if len(sizes) == 1 and own_size(model) is None and is_shaped_by_size(model):
        model = bind_size(model, sizes[0])
    original = original_of(given, model, contract, pixels, sizes)
    return Source(given.name, model, contract, has_note(model.metadata_props), original)


def _ordered(
    model: ir.Model, given: OnnxModel, sizes: Sequence[Size]
) -> tuple[ir.Model, tuple[tuple[str, str], ...]]:
    """Return a model, the image before other outputs, and its states as (output, input) names."""
    from edge_imgq.graph.ports.port_sides import name_sides
    from edge_imgq.graph.ports.several_outputs import put_picture_first
    from edge_imgq.graph.ports.states import find_states

    states = find_states(model, given.ports, given.where)
    model = name_sides(model, sizes, states, given.where)
    put_picture_first(model, given.ports, sizes, given.where, dict(states))
    return model, states


def _in_peak_range(
    model: ir.Model, contract: ImageContract, pixels: PixelRange, ports: PortRequests
) -> ImageContract:
    """Rescale the inputs and outputs of a model to 0 … peak, in place; return its contract."""
    from edge_imgq.graph.pixel_range import to_unit_range
    from edge_imgq.graph.ports.port_inputs import take_ports

    given_alone = tuple(port for port in contract.further if not port.fed_by)
    take_ports(model, given_alone, contract.peak)
    if contract.result is not None or contract.others or contract.is_recurrent:
        return _returning(model, contract, pixels, ports)
    if pixels.low != 0:
        to_unit_range(model, pixels)
    return contract


def _returning(
    model: ir.Model, contract: ImageContract, pixels: PixelRange, ports: PortRequests
) -> ImageContract:
    """Rescale all outputs of a model to 0 … peak, in place; return a contract with their ranges."""
    from edge_imgq.graph.pixel_range import return_port, take_unit_range
    from edge_imgq.graph.ports.port_inputs import take_ports
    from edge_imgq.pipeline.open_model.port_range import with_range
    from edge_imgq.pipeline.open_model.state_range import with_state_ranges

    if pixels.low != 0:
        take_unit_range(model, pixels)
    if contract.is_recurrent:
        contract = with_state_ranges(model, contract, pixels, ports)
        take_ports(model, contract.states, contract.peak)
    # An output image that is not a port of its own has the pixel range of the input.
    ends = (pixels.low,), (pixels.high,)
    first = contract.result or Port("", "image", contract.image_channels, *ends)
    results = [
        port
        if port.kind == "state"
        else with_range(
            port, model, contract, ports.of_output(port.name), index, (pixels.low, pixels.high)
        )
        for index, port in enumerate((first, *contract.others))
    ]
    for index, port in enumerate(results):
        return_port(model, port, contract.peak, index)
    return replace(contract, result=contract.result and results[0], others=tuple(results[1:]))


def _from_checkpoint(path: Path) -> Source:
    from edge_imgq.train.checkpoint import load_checkpoint_network

    name, network = load_checkpoint_network(path)
    return _exported(name, network)


def _from_published_dped(path: Path) -> Source:
    """Open the weights that DPED's authors published."""
    from edge_imgq.models.dped_weights import read_dped

    source = _exported("dped", read_dped(path))
    return replace(source, name=f"dped-{path.stem}")


def _from_zoo(name: str) -> Source:
    from edge_imgq.models.zoo import load_network

    try:
        zoo_entry(name)
    except UsageError as error:
        hint = "A path to an .onnx file or to a checkpoint will do too."
        raise UsageError(f"{error} {hint}") from error
    return _exported(name, load_network(name))


def _exported(name: str, network: nn.Module) -> Source:
    """Export a network of the zoo from torch."""
    from edge_imgq.export.torch_network import export_network
    from edge_imgq.graph.pixel_range import return_port
    from edge_imgq.models.measures import outputs_port

    contract = zoo_entry(name).contract
    model = export_network(network, name, contract)
    if contract.result is not None:
        return_port(model, outputs_port(), contract.peak)
    return Source(name, model, contract, is_own=True)
