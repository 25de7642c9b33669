"""List photographs, or pairs of input and ground truth, in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.images.files import list_images

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (("blur", "sharp"), ("input", "truth"))
"""Names of the folders of inputs and ground truths."""


@dataclass(frozen=True)
class PairFile:
    """A ground truth and the file of its input.

    Attributes:
        truth: path of the ground truth.
        degraded: path of the input; None if the input is to be derived from the truth.
    """

    truth: Path
    degraded: Path | None


def pair_files(folder: Path) -> Iterator[PairFile]:
    """Yield every photograph of a folder, or every pair.

    A folder that contains `blur` and `sharp` (or `input` and `truth`) yields the pairs in these,
    directly or in subfolders (clips), matched by path and name without suffix:
    `sharp/1/sharp_07.png` belongs to `blur/1/blur_07.png` or `blur/1/sharp_07.jpg`. A truth without
    an input is paired with a path that does not exist. Files come sorted by name. Errors are raised
    during iteration.

    Raises:
        UsageError: a folder is missing or holds no image.
    """
    for inputs, truths in NAMES:
        if (folder / inputs).is_dir() and (folder / truths).is_dir():
            yield from _pairs(folder / inputs, folder / truths)
            return
    for path in list_images(folder):
        yield PairFile(path, None)


def _pairs(inputs: Path, truths: Path) -> Iterator[PairFile]:
    clips = sorted(clip for clip in truths.iterdir() if clip.is_dir()) or [truths]
    for clip in clips:
        folder = inputs / clip.relative_to(truths)
        there = {path.stem: path for path in list_images(folder)}
        for truth in list_images(clip):
            renamed = truth.stem.replace(truths.name, inputs.name)
            twin = there.get(renamed) or there.get(truth.stem)
            yield PairFile(truth, twin or folder / truth.name)
