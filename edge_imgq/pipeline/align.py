"""Align two folders of photographs of the same scenes and cut pairs of patches for training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.artifact import write_errors
from edge_imgq.errors import ImageError, OutputError, UsageError
from edge_imgq.images.files import list_images, read_rgb, write_image
from edge_imgq.images.patch_pairs import patch_pairs
from edge_imgq.pipeline.progress import ProgressStep


@dataclass(frozen=True)
class AlignRequest:
    """Arguments of `align`.

    Attributes:
        phone: folder of the phone's photographs.
        other: folder of the better camera's photographs, with the same names apart from suffixes.
        output: folder for `input/`, `truth/` and `matches/`.
        patch: height and width of a patch in pixels.
        correlation: least correlation of a patch with its counterpart, 0 … 1.
    """

    phone: Path
    other: Path
    output: Path
    patch: int = 100
    correlation: float = 0.9


@dataclass(frozen=True)
class AlignedPhoto:
    """An aligned pair of photographs.

    Attributes:
        name: file name of the phone's photograph.
        matches: number of key points matched.
        agreeing: number of these that agree on one mapping.
        patches: number of pairs of patches written.
    """

    name: str
    matches: int
    agreeing: int
    patches: int


@dataclass(frozen=True)
class Unmatched:
    """A photograph without any patch.

    Attributes:
        name: file name of the phone's photograph.
        reason: why it has none.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class AlignResult:
    """Result of `align_folders`.

    Attributes:
        aligned: pairs of photographs with patches.
        unmatched: photographs without.
    """

    aligned: tuple[AlignedPhoto, ...]
    unmatched: tuple[Unmatched, ...]

    @property
    def patches(self) -> int:
        """Number of pairs of patches, the sum over all photographs."""
        return sum(photo.patches for photo in self.aligned)


def align_folders(request: AlignRequest, on_step: Callable[[ProgressStep], None]) -> AlignResult:
    """Align photographs of the same names, and write pairs of patches to `input/` and `truth/`.

    A picture of each match is written to `matches/`. `edge-imgq train --data OUTPUT` reads the
    pairs.

    Args:
        request: arguments.
        on_step: called before each photograph.

    Raises:
        UsageError: the patch is smaller than 16 pixels or the correlation out of range.
        ImageError: a folder is missing or empty, or no photograph yields a patch.
        OutputError: a subfolder of the output is not empty, or cannot be written.
        RuntimeUnavailableError: OpenCV is not installed.
    """
    if request.patch < 16 or not 0.0 < request.correlation < 1.0:
        raise UsageError("A patch must have 16 pixels or more, a correlation lie between 0 and 1.")
    phones = list_images(request.phone)
    others = {path.stem: path for path in list_images(request.other)}
    folders = _make_folders(request.output)
    aligned: list[AlignedPhoto] = []
    unmatched: list[Unmatched] = []
    for index, path in enumerate(phones):
        on_step(ProgressStep(f"align {path.name}", index, len(phones)))
        try:
            if path.stem not in others:
                raise ImageError(f"there is no photograph of its name in {request.other}")
            aligned.append(_align(path, others[path.stem], request, folders))
        except ImageError as error:
            unmatched.append(Unmatched(path.name, str(error).rstrip(".")))
    result = AlignResult(tuple(aligned), tuple(unmatched))
    if not result.patches:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in unmatched[:3])
        raise ImageError(f"None of {len(phones)} photographs could be aligned ({reasons}).")
    return result


def _align(
    path: Path, other: Path, request: AlignRequest, folders: tuple[Path, Path, Path]
) -> AlignedPhoto:
    """Align one pair of photographs and write its patches.

    Raises:
        ImageError: the photographs cannot be aligned, or no patch correlates enough.
    """
    from edge_imgq.images.alignment import align

    aligned = align(read_rgb(path), read_rgb(other))
    inputs, truths, pictures = folders
    write_image(pictures / f"{path.stem}.jpg", aligned.picture)
    count = 0
    for pair in patch_pairs(
        aligned.phone, aligned.other, request.patch, min_correlation=request.correlation
    ):
        name = f"{path.stem}-{count:04d}.png"
        write_image(inputs / name, pair.phone)
        write_image(truths / name, pair.other)
        count += 1
    if not count:
        raise ImageError(
            f"no patch of {request.patch} pixels reaches a correlation of {request.correlation}"
        )
    return AlignedPhoto(path.name, aligned.matches, aligned.agreeing, count)


def _make_folders(output: Path) -> tuple[Path, Path, Path]:
    inputs, truths, pictures = (output / name for name in ("input", "truth", "matches"))
    for folder in (inputs, truths, pictures):
        with write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise OutputError(f"{folder} is not empty; choose another --output.")
    return inputs, truths, pictures
