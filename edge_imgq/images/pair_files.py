"""Folders of photographs and of pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_imgq.images.files import list_images

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (("blur", "sharp"), ("input", "truth"))
"""Folders side by side that hold inputs and truths."""


@dataclass(frozen=True)
class PairFile:
    """A truth, and the file of its input, or None where the input is to be made from the truth."""

    truth: Path
    degraded: Path | None


def pair_files(folder: Path) -> Iterator[PairFile]:
    """Yield every photograph of a folder, or every pair.

    A folder with two folders `blur` and `sharp` in it (or `input` and `truth`) gives the pairs it
    holds, in clips or not, matched by path and name: `sharp/1/sharp_07.png` belongs to
    `blur/1/blur_07.png` or `blur/1/sharp_07.png`.

    Raises:
        ImageError: The folder is missing or holds no image.
    """
    for inputs, truths in NAMES:
        if (folder / inputs).is_dir() and (folder / truths).is_dir():
            yield from _pairs(folder / inputs, folder / truths)
            return
    for path in list_images(folder):
        yield PairFile(path, None)


def _pairs(inputs: Path, truths: Path) -> Iterator[PairFile]:
    clips = sorted(clip for clip in truths.iterdir() if clip.is_dir()) or [truths]
    for truth in (path for clip in clips for path in list_images(clip)):
        twin = inputs / truth.relative_to(truths)
        renamed = twin.with_name(truth.name.replace(truths.name, inputs.name))
        yield PairFile(truth, renamed if renamed.exists() else twin)
