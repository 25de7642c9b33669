"""Open a model as a network that runs on pixels, with its receptive field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import float_reference, sha256_of
from edge_imgq.contract import FileNote, has_note
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.formats import format_of, suffixes
from edge_imgq.images.colour import codes_per_level, to_pixels
from edge_imgq.images.port_results import returns_rgba
from edge_imgq.images.sixteen_bits import from_levels
from edge_imgq.pipeline.enhance.port_settings import (
    Settings,
    has_fractions,
    levels_of,
    rounded_numbers,
    with_exact_numbers,
)
from edge_imgq.runtime.freed_memory import give_back
from edge_imgq.runtime.protocol import FloatSession
from edge_imgq.version import __version__

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract, PixelRange
    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.runtime.protocol import Session

GUESSED_RADIUS = 32
"""Halo in pixels for a file whose graph cannot be read and that has no reference beside it."""


@dataclass(frozen=True)
class Enhancer:
    """An opened network.

    Attributes:
        name: name or path that the user gave.
        session: session that runs it.
        radius: radius of its receptive field in input pixels; None if it cannot run in tiles.
        exact: True if tiles reproduce the pixels of the whole image: the radius was read from the
            graph, and no pixel depends on the image's size.
        unsure: the model, if its pixel range was not stated.
        reason: clause on why there is no radius.
        period: tiles start at multiples of it, in input pixels.
        graph: float model; None if it cannot be read.
        largest_tile: side of tiles in input pixels for a network of any size; 0 for the default.
        levels: levels of its further inputs, by name.
        says_range: True if the model itself states its pixel range.
        states: levels of its states after the last frame, by name; updated by each frame.
    """

    name: str
    session: Session
    radius: int | None
    exact: bool
    unsure: Source | None = None
    reason: str = ""
    period: int = 1
    graph: ir.Model | None = None
    largest_tile: int = 0
    levels: Mapping[str, NDArray[np.uint8 | np.float64]] = field(default_factory=dict)
    says_range: bool = True
    states: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def contract(self) -> ImageContract:
        """Task, scale, colour, white level and multiple of the network's images."""
        return self.session.note.contract

    @property
    def fixed_sizes(self) -> tuple[tuple[int, int], ...]:
        """The sizes (height, width) in pixels that it accepts; empty if it accepts any."""
        return () if self.session.resizable else self.session.sizes

    def run(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Run the network on one tile.

        A float file gets the values of further inputs unrounded.

        Args:
            pixels: (H, W, C) with the channels of all inputs, as `packed` returns them: uint8, or
                for a float file uint16, 8-bit levels times 257.

        Returns:
            The output (H', W', C'), in the type of `pixels`.

        Raises:
            ImageError: the file does not take this size.
            NonFiniteOutputError: the network returned NaN or infinity.
        """
        is_deep = pixels.dtype == np.uint16
        between = self.computes_in_float and has_fractions(self.levels)
        if not isinstance(self.session, FloatSession) or not (is_deep or between):
            return self.session.run(pixels)
        levels = pixels / codes_per_level(pixels)
        exact = with_exact_numbers(levels, self.contract, self.levels) if between else levels
        result = self.session.levels(exact)
        return from_levels(result) if is_deep else to_pixels(result)

    @property
    def rounded(self) -> tuple[str, ...]:
        """One sentence per further input whose number changes by over 1 % in 8 bits.

        Empty for a float file, which takes numbers unrounded.
        """
        if self.computes_in_float:
            return ()
        return tuple(rounded_numbers(self.contract, self.levels, self.name))

    @property
    def keeps_16_bits(self) -> bool:
        """True if 16-bit photographs keep their depth.

        That is so if nothing is quantized, and the network neither adds colours to luma nor returns
        opacity.
        """
        is_other = self.contract.adds_colours or returns_rgba(self.contract)
        return self.computes_in_float and not is_other

    @property
    def computes_in_float(self) -> bool:
        """True if no tensor is quantized: a float file, or an ONNX graph without QuantizeLinear."""
        is_float = isinstance(self.session, FloatSession) and not self.session.note.quantized_sha256
        nodes = () if self.graph is None else self.graph.graph
        rounds = any(node.op_type == "QuantizeLinear" for node in nodes)
        return is_float and not rounds

    def give_back(self) -> None:
        """Return unused memory of the tiles to the system, before a large result is assembled.

        The network stays usable.
        """
        from edge_imgq.runtime.onnxruntime import OnnxSession

        if isinstance(self.session, OnnxSession):
            self.session.release_memory()
        give_back()


def open_enhancer(
    model: str | Source,
    threads: int,
    pixels: PixelRange | None = None,
    settings: Settings = MappingProxyType({}),
) -> Enhancer:
    """Open a file written by `export`, any .onnx file, a checkpoint or a network of the zoo.

    Args:
        model: path, name or opened model.
        threads: processor threads.
        pixels: pixel range of an .onnx file that does not state it; None for 0 to 1.
        settings: values of further inputs by name: numbers in the model's own unit, joined by
            commas, or the path of a picture.

    Raises:
        UsageError: the model is none of these, or an input has no value, or one outside its range.
        ModelError: it cannot be read, or returns no image.
        ImageError: a setting's picture cannot be read.
        RuntimeUnavailableError: the runtime of the file is not installed.
    """
    return with_settings(open_unset(model, threads, pixels), settings)


def open_unset(model: str | Source, threads: int, pixels: PixelRange | None = None) -> Enhancer:
    """Open a model as `open_enhancer` does, without values for its further inputs.

    Args:
        model: path, name or opened model.
        threads: processor threads.
        pixels: pixel range of an .onnx file that does not state it; None for 0 to 1.

    Raises:
        UsageError: the model is none of the supported kinds.
        ModelError: it cannot be read, or returns no image.
        RuntimeUnavailableError: the runtime of the file is not installed.
    """
    enhancer = open_network(model, threads, pixels)
    contract, result = enhancer.contract, enhancer.contract.result
    is_picture = contract.returns_image or contract.adds_colours or returns_rgba(contract)
    if result is not None and not is_picture:
        raise ModelError(
            f"{enhancer.name} returns no image but a {result}. `edge-imgq verify` and `bench` take "
            "its files; of a model with several outputs, --output-name names the image."
        )
    _keep_memory(enhancer.session)
    return enhancer


def with_settings(enhancer: Enhancer, settings: Settings) -> Enhancer:
    """Return an opened network with values for its further inputs; `enhancer` is not changed.

    `settings` are texts by the input's name: numbers in the model's own unit, joined by commas, or
    the path of a picture.

    Raises:
        UsageError: an input has no value, or one outside its range.
        ImageError: a picture cannot be read.
    """
    levels = levels_of(enhancer.contract, settings, enhancer.name, exported=enhancer.says_range)
    return replace(enhancer, levels=levels)


def refuse_unused_range(enhancers: Sequence[Enhancer], pixels: PixelRange | None) -> None:
    """Raise if a pixel range is given although every network states its own.

    Raises:
        UsageError: the range is not used.
    """
    from edge_imgq.pipeline.open_model.source import refuse_range

    if all(enhancer.says_range for enhancer in enhancers):
        names = " and ".join(enhancer.name for enhancer in enhancers)
        refuse_range(names, pixels, says_range=True)


def _keep_memory(session: Session) -> None:
    """Let ONNX Runtime keep memory between tiles."""
    from edge_imgq.runtime.onnxruntime import OnnxSession

    if isinstance(session, OnnxSession):
        session.keep_memory()


def open_network(model: str | Source, threads: int, pixels: PixelRange | None = None) -> Enhancer:
    """Open a network with any kind of output; inputs without a value are not refused.

    Args:
        model: path of a file written by `export`, of an .onnx file or of a checkpoint; name of the
            zoo; or opened model.
        threads: processor threads.
        pixels: pixel range of an .onnx file that does not state it; None for 0 to 1.

    Raises:
        UsageError: the model is none of the supported kinds.
        ModelError: it cannot be read.
        RuntimeUnavailableError: the runtime of the file is not installed.
    """
    from edge_imgq.models.zoo import ZOO
    from edge_imgq.pipeline.open_model.source import not_a_folder

    if not isinstance(model, str):
        return _open_source(model, threads, pixels)
    path = Path(model)
    if path.suffix.lower() == ".onnx":
        return _open_onnx(path, threads, pixels)
    if format_of(path) is not None:
        return _open_file(path, threads)
    if path.is_dir() and model not in ZOO:
        raise UsageError(not_a_folder(path, (*suffixes(), ".safetensors")))
    return _open_source(model, threads)


def _open_onnx(path: Path, threads: int, pixels: PixelRange | None) -> Enhancer:
    import onnx_ir as ir

    from edge_imgq.graph.load.load import read_onnx
    from edge_imgq.runtime.open import open_session

    model = ir.from_proto(read_onnx(path))
    if not has_note(model.metadata_props):
        return _open_source(str(path), threads, pixels)
    return _looking(Enhancer(str(path), open_session(path, threads), None, exact=True), model)


def _open_source(model: str | Source, threads: int, pixels: PixelRange | None = None) -> Enhancer:
    """Open a float model as the ONNX file that `export` would write."""
    import onnx_ir as ir

    from edge_imgq.pipeline.open_model.range_hint import is_range_unknown
    from edge_imgq.pipeline.open_model.source import opened
    from edge_imgq.runtime.onnxruntime import OnnxSession

    source = opened(model, pixels)
    note = FileNote(source.name, "onnx-float", source.contract, __version__)
    session = OnnxSession(ir.to_proto(source.model), note, threads)
    unsure = source if is_range_unknown(source) else None
    name = model if isinstance(model, str) else source.name
    enhancer = Enhancer(name, session, None, exact=True, unsure=unsure, says_range=source.is_own)
    return _looking(enhancer, source.model)


def _open_file(path: Path, threads: int) -> Enhancer:
    """Open a file other than ONNX, with the receptive field of the float reference beside it."""
    import onnx_ir as ir

    from edge_imgq.runtime.open import open_session

    session = open_session(path, threads)
    reference = float_reference(path)
    if reference.is_file() and sha256_of(reference) == session.note.reference_sha256:
        return _looking(Enhancer(str(path), session, None, exact=True), ir.load(reference))
    return Enhancer(str(path), session, GUESSED_RADIUS, exact=False)


def _looking(enhancer: Enhancer, model: ir.Model) -> Enhancer:
    """Return an opened network with the receptive field of its graph."""
    from edge_imgq.graph.receptive_field.receptive_field import receptive_field

    field = receptive_field(model)
    return replace(
        enhancer,
        radius=field.radius,
        exact=field.steady,
        reason=field.reason,
        period=field.period,
        graph=model,
    )
