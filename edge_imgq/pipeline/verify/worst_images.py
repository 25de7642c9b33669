"""Keep the images with the largest drift of each file while measuring, and draw them."""

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
"""Most images that are kept for each file."""


class WorstImages:
    """Keeps the images with the largest drift, at most 3 for each file, so memory is bounded."""

    def __init__(self, folder: Path | None, *, keeps: bool = False, whole: bool = False) -> None:
        """Create it without images; without a folder, `keeps` and `whole` it keeps no image.

        Args:
            folder: folder for pictures; None to write none.
            keeps: True to keep a crop of the worst image of each file even without a folder.
            whole: True to keep the three worst images of each file uncropped even without a folder.
        """
        self._folder = folder
        self._whole = whole or folder is not None
        self._keeps = keeps or self._whole
        self._kept: dict[str, list[ImageComparison]] = {}

    def empty(self) -> WorstImages:
        """Return one without images that has the same folder and limits."""
        return WorstImages(self._folder, keeps=self._keeps, whole=self._whole)

    @property
    def by_file(self) -> dict[str, tuple[ImageComparison, ...]]:
        """Kept images by file, that of the least PSNR to the float model first."""
        return {file: tuple(kept) for file, kept in self._kept.items()}

    def offer(self, file: str, comparison: ImageComparison) -> None:
        """Keep an image if it is among the worst of its file; an identical image is never kept.

        Three are kept of each file, or the crop of one if only crops are kept.

        Args:
            file: name of the file in pictures, `<model>-<target>`.
            comparison: images of the float model and of the file.
        """
        if not self._keeps or comparison.psnr >= IDENTICAL:
            return
        before = self._kept.get(file, [])
        if not self._whole:
            if not before or comparison.psnr < before[0].psnr:
                self._kept[file] = [comparison.cropped()]
            return
        self._kept[file] = sorted([*before, comparison], key=lambda kept: kept.psnr)[:WORST]

    def replace(self, files: Iterable[str], other: WorstImages) -> None:
        """Replace the images of some files by all those of another instance.

        Args:
            files: names of files whose images are dropped.
            other: instance whose images are added, of any files; it is not changed.
        """
        for file in files:
            self._kept.pop(file, None)
        self._kept |= other._kept

    def write(self) -> tuple[Path, ...]:
        """Write a PNG picture of every kept image, and return the paths; none without a folder.

        Names are those of `write_pictures`.

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

    Ranks count from 1. Characters other than letters, digits, "_", "-" and "." become "_". Existing
    pictures of that name are overwritten.

    Args:
        folder: folder for the pictures; created if missing.
        comparisons: images of each file, the worst first.

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
"""Instance that keeps no images."""
