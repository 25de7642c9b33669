"""`edge_imgq.verify`: drift of files that exist."""

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
    """What was measured of files, one result for each model's folder and device.

    Attributes:
        models: the results.
    """

    models: tuple[ModelResult, ...]

    @property
    def reports(self) -> tuple[Report, ...]:
        """The report of each result."""
        return tuple(result.report for result in self.models)

    @property
    def passes(self) -> bool:
        """Whether every file ran and lost no more than its budget allows."""
        return all(result.passes for result in self.models)

    @property
    def verdict(self) -> str:
        """Whether they pass, in a sentence for each result that names the files that do not."""
        return "\n".join(result.verdict for result in self.models)

    def __iter__(self) -> Iterator[ModelResult]:
        """Go through the results."""
        return iter(self.models)

    def __getitem__(self, target: str) -> FileResult:
        """Return a target's file, where the files of one model ran on one device.

        Raises:
            UsageError: there is no such file, or several models or devices: see `models`.
        """
        if len(self.models) != 1:
            raise UsageError("There are several results: choose one of `models`.")
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
    """Reopen files that `export` wrote and measure how far they are from the float model.

    Args:
        paths: files, folders of them, or the folder of several models; results of an export will
            do too.
        images: photographs to measure on; see `export`.
        device: where the files run, one name or several; `edge-imgq doctor` lists them.
        delegate: on a phone or board: xnnpack, cpu, gpu, nnapi, or a library there.
        benchmark_model: LiteRT's program for the phone or board.
        threads: processor threads.
        bench: whether the files are timed.
        pictures: folder for pictures of the worst images; None for none.
        reference: model's folder that `export` wrote, to measure files against that lie elsewhere;
            None for the folder of each file.
        bisect: whether the first operator is named that the device "gpu" computes wrongly.
        progress: called with every step before it begins.

    Raises:
        UsageError: there is no such path or device, or it does not bisect.
        ModelError: the one file is not whole, or its references are missing or others.
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
    found: list[ModelResult] = []
    for name in [device] if isinstance(device, str) else device:
        place = _pictures(as_path(pictures), name)
        there = replace(request, device=name, pictures=place)
        found += [
            ModelResult(verified.folder, verified.report, verified.gallery.worst_images)
            for verified in run(there, progress or unwatched)
        ]
    return Verification(tuple(found))


def _pictures(folder: Path | None, device: str) -> Path | None:
    """Return where the pictures of a device go: those of others than this host into a folder."""
    return folder if folder is None or device == "host" else folder / device.replace(":", "-")
