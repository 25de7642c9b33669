"""`edge_imgq.export`: a model to verified files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import (
    NOTHING_BOUND,
    AnyPath,
    Bound,
    Inputs,
    Progress,
    Range,
    Size,
    Sizes,
    as_path,
    as_ports,
    as_range,
    as_sizes,
    unwatched,
)
from edge_imgq.api.model import ModelLike, named_or_open, opened_with
from edge_imgq.api.result import ModelResult

if TYPE_CHECKING:
    from edge_imgq.contract import PixelRange
    from edge_imgq.pipeline.image_selection import Images
    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.ports import PortRequests
    from edge_imgq.recipe.export import ExportRecipe
    from edge_imgq.recipe.quantize import QuantizeRecipe


def export(
    model: ModelLike,
    *,
    targets: str | ExportRecipe | Sequence[str | ExportRecipe] = "all",
    output: AnyPath = "artifacts",
    calibration: Images | None = None,
    images: Images | None = None,
    sizes: Sizes = (),
    scheme: AnyPath | QuantizeRecipe | None = None,
    pixel_range: Range | None = None,
    output_name: str | Sequence[str] = "",
    inputs: Inputs = (),
    bind: Bound = NOTHING_BOUND,
    states: Sequence[str] = (),
    threads: int = 1,
    bench: bool = True,
    pictures: AnyPath | None = None,
    dump_graphs: AnyPath | None = None,
    ai_pack: AnyPath | None = None,
    check_graphs: bool = False,
    author: str = "",
    licence: str = "",
    model_version: str = "",
    progress: Progress | None = None,
) -> ModelResult:
    """Write one file per target, reopen each from disk, and measure what it lost and how it runs.

    Args:
        model: what `open` takes, or what it returned; a torch module must be opened first.
        targets: names of recipes, globs such as "*-int8", families such as "tflite", "all", or
            recipes.
        output: folder that gets one for the model, with its files.
        calibration: photographs to choose int8 ranges by: a folder, a list of files, or a list of
            arrays, uint8 (H, W, 3) or (H, W, 1); None for those that ship.
        images: photographs to measure drift on, likewise; a folder may hold `input/` and `truth/`.
        sizes: height and width of the files' input, or several; by default the sizes that the
            model was opened at, its own, or the recipes' for a network that ships.
        scheme: quantization recipe for all int8 targets: its name, path, or itself; None for
            that of each target.
        pixel_range: as for `open`, of a model that is not open yet.
        output_name: likewise.
        inputs: likewise.
        bind: likewise.
        states: likewise.
        threads: processor threads.
        bench: whether the files are timed on this machine.
        pictures: folder for pictures of the worst images; None for none.
        dump_graphs: folder for the graph of each target after each phase of its passes, as .onnx
            files; None for none.
        ai_pack: folder that gets the files for NPUs as an AI pack of Google Play; None for none.
        check_graphs: whether shapes and types are checked between these phases.
        author: who made the model, for the files to state.
        licence: terms of its weights, likewise.
        model_version: in your own counting, likewise.
        progress: called with every step before it begins.

    Returns:
        The files with their figures. One that is over budget is among them, and targets that
        could not be written are in `report.failed`: see `passes` and `verdict`.

    Raises:
        EdgeImgqError: of the class that fits, where no target can be written; what was there
            before is unchanged.
    """
    from edge_imgq.contract import Authorship
    from edge_imgq.pipeline.export.export import ExportRequest
    from edge_imgq.pipeline.export.export import export as run
    from edge_imgq.pipeline.verify.worst_images import WorstImages
    from edge_imgq.recipe.export import ExportRecipe
    from edge_imgq.recipe.quantize import QuantizeRecipe

    ports = as_ports(output_name, inputs, bind, states)
    asked, wanted, pixels = _asked(model, as_sizes(sizes), as_range(pixel_range), ports)
    request = ExportRequest(
        model=asked,
        targets=(targets,) if isinstance(targets, (str, ExportRecipe)) else tuple(targets),
        output=Path(output),
        calibration=calibration,
        images=images,
        sizes=wanted,
        pixels=pixels,
        threads=threads,
        scheme=scheme if isinstance(scheme, QuantizeRecipe) else os.fspath(scheme or ""),
        pictures=as_path(pictures),
        timed=bench,
        graphs=as_path(dump_graphs),
        ai_pack=as_path(ai_pack),
        checked=check_graphs,
        authorship=Authorship(author, licence, model_version),
    )
    gallery = WorstImages(request.pictures, keeps=True)
    report = run(request, progress or unwatched, gallery)
    return ModelResult(request.output / report.model, report, gallery.worst_images)


def _asked(
    model: ModelLike, sizes: tuple[Size, ...], pixels: PixelRange | None, ports: PortRequests
) -> tuple[str | Source, tuple[Size, ...], PixelRange | None]:
    """Return what is exported, and the sizes and the range: those of the call or of its opening."""
    if isinstance(model, (str, os.PathLike)):
        return named_or_open(model, pixels, ports, sizes), sizes, pixels
    opened = opened_with(model, pixels, ports, sizes)
    sizes = sizes or opened.sizes
    return opened.at(sizes), sizes, opened.pixel_range
