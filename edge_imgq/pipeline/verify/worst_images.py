"""The images that files changed most, kept while all stream by, and drawn at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import output_errors
from edge_imgq.report.format_metrics import decibels
from edge_imgq.verify.drift import IDENTICAL

if TYPE_CHECKING:
    from edge_imgq.report.image_comparison import ImageComparison

WORST = 3
"""Images that are kept of each file."""


class WorstImages:
    """Holds at most WORST images for each file, so that memory does not grow with their number."""

    def __init__(self, folder: Path | None, *, keeps: bool = False, whole: bool = False) -> None:
        """Make a gallery for pictures in `folder`.

        Args:
            folder: that the pictures go to; None for none.
            keeps: whether the worst place of the worst image is kept without a folder, too.
            whole: whether the worst images are, whole.
        """
        self._folder = folder
        self._whole = whole or folder is not None
        self._keeps = keeps or self._whole
        self._kept: dict[str, list[ImageComparison]] = {}

    def empty(self) -> WorstImages:
        """Return another gallery for the same place that has no images yet."""
        return WorstImages(self._folder, keeps=self._keeps, whole=self._whole)

    @property
    def worst_images(self) -> dict[str, tuple[ImageComparison, ...]]:
        """The images that were kept, by file, the worst first."""
        return {file: tuple(kept) for file, kept in self._kept.items()}

    def offer(self, file: str, comparison: ImageComparison) -> None:
        """Keep an image if it is among the worst of its file; one that is the same is never."""
        if not self._keeps or comparison.psnr >= IDENTICAL:
            return
        before = self._kept.get(file, [])
        if not self._whole:
            if not before or comparison.psnr < before[0].psnr:
                self._kept[file] = [comparison.cropped()]
            return
        self._kept[file] = sorted([*before, comparison], key=lambda kept: kept.psnr)[:WORST]

    def replace(self, files: Iterable[str], other: WorstImages) -> None:
        """Keep the images that another gallery kept of some files, instead of those before."""
        for file in files:
            self._kept.pop(file, None)
        self._kept |= other._kept

    def write(self) -> tuple[Path, ...]:
        """Write a picture of every image that was kept; return the paths.

        Raises:
            OutputError: a picture cannot be written.
        """
        if self._folder is None:
            return ()
        written = write_pictures(self._folder, self._kept)
        return tuple(path for of_file in written.values() for path in of_file)


def write_pictures(
    folder: Path, comparisons: Mapping[str, Sequence[ImageComparison]]
) -> dict[str, tuple[Path, ...]]:
    """Write `<file>-<rank>-<image>.png` for every image of every file; return the paths by file.

    Raises:
        OutputError: a picture cannot be written.
    """
    from edge_imgq.images.files import write_image
    from edge_imgq.report.drift_picture import drift_picture

    written: dict[str, tuple[Path, ...]] = {}
    for file, of_file in comparisons.items():
        for rank, comparison in enumerate(of_file, start=1):
            name = re.sub(r"[^\w.-]+", "_", f"{file}-{rank}-{comparison.name}")
            path = folder / f"{name}.png"
            title = (
                f"{file}, {comparison.name}: {decibels(comparison.psnr)} dB against the float model"
            )
            picture = drift_picture(title, comparison.float_image, comparison.file_image)
            with output_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
            write_image(path, picture)
            written[file] = (*written.get(file, ()), path)
    return written


NOTHING_KEPT = WorstImages(None)
"""For runs without pictures."""
