"""`edge_imgq.verify`: measure the drift of existing files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.api.arguments import AnyPath, Progress, as_path, as_paths, unwatched
from edge_imgq.api.result import FileResult, ModelResult
from edge_imgq.errors import UsageError

if TYPE_CHECKING:
    from edge_imgq.pipeline.image_selection import Images
    from edge_imgq.report.report import Report


@dataclass(frozen=True)
class Verification:
    """Figures of files, one result per model and device.

    Attributes:
        models: results, ordered by device.
    """

    models: tuple[ModelResult, ...]

    @property
    def reports(self) -> tuple[Report, ...]:
        """The report of each result."""
        return tuple(result.report for result in self.models)

    @property
    def passes(self) -> bool:
        """True if every file ran and stayed within its budgets, and without results."""
        return all(result.passes for result in self.models)

    @property
    def verdict(self) -> str:
        """How many files pass and the names of those that do not: a sentence and line per result.

        Empty without results.
        """
        return "\n".join(result.verdict for result in self.models)

    def __iter__(self) -> Iterator[ModelResult]:
        """Iterate over the results."""
        return iter(self.models)

    def __getitem__(self, target: str) -> FileResult:
        """Return the file of a target, if there is one result only.

        Raises:
            UsageError: there is no such file, or several results; index `models` first.
        """
        if len(self.models) != 1:
            count = len(self.models)
            raise UsageError(
                f"There are {count} results: choose one of `models`, such as models[0]."
            )
        return self.models[0][target]

    def __str__(self) -> str:
        """Return the tables that the command line prints."""
        return "\n\n".join(map(str, self.models))

    def _repr_html_(self) -> str:
        return "".join(result._repr_html_() for result in self.models)


def verify(
    paths: AnyPath | Iterable[AnyPath],
    *,
    images: Images | None = None,
    device: str | Iterable[str] = "host",
    delegate: str = "xnnpack",
    benchmark_model: AnyPath | None = None,
    threads: int = 1,
    bench: bool = True,
    pictures: AnyPath | None = None,
    reference: AnyPath | None = None,
    bisect: bool = False,
    progress: Progress | None = None,
) -> Verification:
    """Reopen files written by `export` and measure their drift from the float model.

    Args:
        paths: files, folders of files, a folder of several models, or results of `export`.
        images: photographs to measure on: a folder, a list of files, or a list of uint8 arrays
            (H, W, 3) or (H, W, 1); None for those that ship.
        device: device that runs the files, one name or several; `edge-imgq doctor` lists them.
        delegate: on a phone or board: "xnnpack", "cpu", "gpu", "nnapi", or a library there.
        benchmark_model: path of LiteRT's benchmark program for the phone or board.
        threads: processor threads.
        bench: True to measure latency.
        pictures: folder for pictures of the worst images; None for none.
        reference: folder of a model written by `export`, as the reference for files elsewhere; None
            for the folder of each file.
        bisect: True to name the first operator that the device "gpu" computes wrongly.
        progress: called before each step.

    Returns:
        One result per model and device: for each file, PSNR in dB of its 8-bit images against the
        float model's, and the loss in dB against the truth if there is one.

    Raises:
        UsageError: a path or device does not exist, or the device cannot bisect.
        ModelError: the only file is damaged, or its references are missing or do not match.
        ImageError: an image cannot be read, or is too small.
        OutputError: a picture cannot be written.
        RecipeError: a report or a manifest of images cannot be read.
    """
    from edge_imgq.api.device_options import device_options
    from edge_imgq.pipeline.exported_files import exported_files
    from edge_imgq.pipeline.verify.verify import VerifyRequest
    from edge_imgq.pipeline.verify.verify import verify as run

    files = exported_files(as_paths(paths))
    options = device_options(delegate, benchmark_model, bisect)
    request = VerifyRequest(
        files, images, threads, options=options, timed=bench, reference=as_path(reference)
    )
    results: list[ModelResult] = []
    for name in [device] if isinstance(device, str) else device:
        there = replace(request, device=name, pictures=_pictures(as_path(pictures), name))
        results += [
            ModelResult(verified.folder, verified.report, verified.worst_images.by_file)
            for verified in run(there, progress or unwatched)
        ]
    return Verification(tuple(results))


def _pictures(folder: Path | None, device: str) -> Path | None:
    """Return the folder for a device's pictures: a subfolder for every device but this host."""
    return folder if folder is None or device == "host" else folder / device.replace(":", "-")
