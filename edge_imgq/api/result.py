"""Hold the results of `export` and `verify`: files, each with its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.wording import no_such

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.devices.latency import Latency
    from edge_imgq.report.image_comparison import ImageComparison
    from edge_imgq.report.report import Report, TargetReport
    from edge_imgq.skipped import Skipped
    from edge_imgq.verify.drift import Drop, Fidelity


@dataclass(frozen=True)
class FileResult:
    """A file and its figures. It is path-like.

    Attributes:
        path: path of the file, or of the folder of a Core ML package.
        figures: all figures of the file.
    """

    path: Path
    figures: TargetReport = field(repr=False)

    def __fspath__(self) -> str:
        """Return the path as a string."""
        return str(self.path)

    @property
    def target(self) -> str:
        """Name of the recipe that it was made by."""
        return self.figures.target

    @property
    def bytes(self) -> int:
        """Size of the file, or of all files in the package's folder, in bytes."""
        return self.figures.bytes

    @property
    def vs_float(self) -> Fidelity:
        """PSNR in dB of its 8-bit images against the float model's, mean and worst."""
        return self.figures.vs_reference

    @property
    def drop(self) -> Drop | Skipped:
        """PSNR in dB against the truth that it loses to the float model; `Skipped` if unknown."""
        return self.figures.drop

    @property
    def latency(self) -> Latency | Skipped:
        """Latency of one call on the device, in ms; `Skipped` if it was not measured."""
        return self.figures.latency

    @property
    def breaches(self) -> tuple[str, ...]:
        """One sentence per budget of its recipe that it exceeds; () if it passes."""
        return self.figures.breaches


@dataclass(frozen=True)
class ModelResult:
    """The files of one model and their report.

    Attributes:
        folder: folder of the files and of `reference/`.
        report: all figures; `export` also writes it beside the files.
        worst_images: file → regions of the images that it changed most.
    """

    folder: Path
    report: Report = field(repr=False)
    worst_images: Mapping[str, tuple[ImageComparison, ...]] = field(
        default_factory=dict, repr=False
    )

    def __fspath__(self) -> str:
        """Return the folder as a string."""
        return str(self.folder)

    @property
    def files(self) -> dict[str, FileResult]:
        """Each written and measured file by its target, in the order of the report."""
        return {
            figures.target: FileResult(self.folder / figures.file, figures)
            for figures in self.report.targets
        }

    def __iter__(self) -> Iterator[FileResult]:
        """Iterate over the files."""
        return iter(self.files.values())

    def __getitem__(self, target: str) -> FileResult:
        """Return the file of a target.

        Raises:
            ModelError: the target has no file; the message says why.
            UsageError: there is no such target.
        """
        files = self.files
        if target in files:
            return files[target]
        for failed in self.report.failed:
            if failed.target == target:
                raise ModelError(f"There is no {target} file: {failed.reason}")
        raise UsageError(no_such("file", target, files))

    @property
    def passes(self) -> bool:
        """True if every file was written, ran and stayed within its budgets."""
        report = self.report
        return not (report.breaches or report.failed or report.not_run)

    @property
    def verdict(self) -> str:
        """One sentence that says if all files pass and names those that do not."""
        from edge_imgq.report.heading import verdict

        return verdict(self.report)

    def __str__(self) -> str:
        """Return the table that the command line prints."""
        from edge_imgq.report.report_table import report_table

        return report_table(self.report)

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import report_html

        return report_html(self.report, self._picture())

    def _picture(self) -> NDArray[np.uint8] | None:
        """Return a picture of the region with the lowest PSNR over all files; None without any."""
        from edge_imgq.report.drift_picture import crops_picture

        kept = [(shown[0], file) for file, shown in self.worst_images.items()]
        if not kept:
            return None
        worst, file = min(kept, key=lambda pair: pair[0].psnr)
        region = worst.cropped()
        title = f"{file}, {worst.name}: {worst.psnr:.1f} dB against the float model"
        return crops_picture(title, region.float_image, region.file_image)
