"""`edge_imgq.export`: write verified files of a model."""

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
    """Write one file per target, reopen each from disk, and measure its drift, size and latency.

    Args:
        model: model that `open` takes or returned; a torch module must be opened first.
        targets: recipe names, globs such as "*-int8", families such as "tflite", "all", or recipes.
        output: folder that receives a subfolder with the model's name and its files.
        calibration: photographs to choose int8 ranges on: a folder, a list of files, or a list of
            uint8 arrays (H, W, 3) or (H, W, 1); None for those that ship.
        images: photographs to measure drift on, in the same forms; a folder may hold `input/` and
            `truth/`. None for those that ship.
        sizes: input (height, width) of the files, or several; empty for the sizes that the model
            was opened at, its own size, or the recipe's sizes for a network that ships.
        scheme: quantization recipe for all int8 targets: name, path or recipe; None for the one
            that each target names.
        pixel_range: float value of pixel 255, or of pixels 0 and 255, as for `open`; only for a
            model that is not open yet.
        output_name: output to keep, or several, main one first; as for `open`.
        inputs: kinds and ranges of inputs, such as "sigma=plane:0..75/255"; as for `open`.
        bind: constants for inputs other than the image, by name; as for `open`.
        states: outputs that feed an input of the next frame; as for `open`.
        threads: processor threads.
        bench: True to measure latency on this machine.
        pictures: folder for pictures of the worst images; None for none.
        dump_graphs: folder for each target's graph after each phase of passes, as .onnx files; None
            for none.
        ai_pack: folder for the files for NPUs as an AI pack of Google Play; None for none.
        check_graphs: True to check shapes and types after each phase of passes.
        author: author to state in the files; "" for none.
        licence: licence of the weights to state in the files; "" for none.
        model_version: version of the model to state in the files; "" for none.
        progress: called before each step.

    Returns:
        The files with their figures, those over budget included. Targets that could not be written
        are in `report.failed`; see `passes` and `verdict`.

    Raises:
        EdgeImgqError: no target can be written, or an argument is wrong; the subclass says why. The
            output folder is unchanged.
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
    worst_images = WorstImages(request.pictures, keeps=True)
    report = run(request, progress or unwatched, worst_images)
    return ModelResult(request.output / report.model, report, worst_images.by_file)


def _asked(
    model: ModelLike, sizes: tuple[Size, ...], pixels: PixelRange | None, ports: PortRequests
) -> tuple[str | Source, tuple[Size, ...], PixelRange | None]:
    """Return the model to export, its sizes and its pixel range, from the call or from `open`."""
    if isinstance(model, (str, os.PathLike)):
        return named_or_open(model, pixels, ports, sizes), sizes, pixels
    opened = opened_with(model, pixels, ports, sizes)
    sizes = sizes or opened.sizes
    return opened.at(sizes), sizes, opened.pixel_range
