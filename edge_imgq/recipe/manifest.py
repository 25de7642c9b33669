"""The manifest of `calibration_data/`: images with source, digest, licence and split."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from edge_imgq.artifact import sha256_of
from edge_imgq.errors import ImageError, RecipeError
from edge_imgq.recipe.folders import recipe_folder
from edge_imgq.recipe.toml_reader import TomlTable

Split = Literal["calibration", "evaluation"]

FILE = "manifest.toml"
PACKAGES = {"scikit-image": "skimage"}
"""Import name of a package, where it differs from the package's name."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ManifestImage:
    """One image of the manifest.

    Attributes:
        name: unique name in reports.
        source: "PACKAGE:PATH" (a file inside an installed package), or a path.
        sha256: SHA-256 of the file, hexadecimal.
        licence: licence as the source states it.
        split: "calibration" (ranges) or "evaluation" (drift); the splits are disjoint.
        folder: base of a relative path in `source`.
    """

    name: str
    source: str
    sha256: str
    licence: str
    split: Split
    folder: Path


def default_manifest(beside: Path | None = None) -> Path:
    """Return the path of the manifest in `calibration_data/`; the file need not exist.

    Args:
        beside: folder whose `calibration_data/` is used if it has a manifest; the working directory
            by default. Otherwise it is the shipped one.
    """
    return recipe_folder("calibration_data", beside) / FILE


def read_manifest(path: Path) -> tuple[ManifestImage, ...]:
    """Read and validate a manifest; return its images in file order.

    The images themselves are not read.

    Raises:
        RecipeError: the file is missing or not TOML, an entry does not match `ManifestImage`, a
            name or digest occurs twice, or a split is empty.
    """
    table = TomlTable.read(path)
    table.refuse_others(("image",))
    images = tuple(_image(entry, path) for entry in table.tables("image"))
    table.raise_mistakes()
    splits = {image.split for image in images}
    wrong = [
        *_twins(images, path),
        *(
            f'{path}: no image has split = "{split}"; at least one must.'
            for split in get_args(Split)
            if split not in splits
        ),
    ]
    if wrong:
        raise RecipeError("\n".join(wrong))
    return images


def image_path(image: ManifestImage) -> Path:
    """Return the file of an image after comparing its SHA-256 with the manifest's.

    Raises:
        ImageError: the package is not installed, the file is missing, or its digest differs.
    """
    path = _located(image)
    if not path.is_file():
        raise ImageError(
            f"The manifest's image '{image.name}' is missing: there is no {path}. Put it there, or "
            "delete its entry."
        )
    if sha256_of(path) != image.sha256:
        raise ImageError(
            f"The manifest's image '{image.name}' has changed: the SHA-256 of {path} is "
            f"{sha256_of(path)}, not {image.sha256}. Figures measured with another image cannot be "
            "compared; put the old file back, or write the new digest into the manifest."
        )
    return path


def _image(entry: TomlTable, path: Path) -> ManifestImage:
    entry.refuse_others(("name", "source", "sha256", "licence", "split"))
    sha256, name = entry.text("sha256"), entry.text("name")
    if not entry.is_wrong("sha256") and not _SHA256.fullmatch(sha256):
        entry.refuse(
            "sha256",
            f"the sha256 of '{name}' must be 64 hexadecimal digits in lower case, not '{sha256}'.",
        )
    calibration = entry.text("split", ("calibration", "evaluation")) == "calibration"
    return ManifestImage(
        name=name,
        source=entry.text("source"),
        sha256=sha256,
        licence=entry.text("licence"),
        split="calibration" if calibration else "evaluation",
        folder=path.parent,
    )


def _twins(images: Sequence[ManifestImage], path: Path) -> Iterator[str]:
    """Yield a sentence for the first name and the first digest that occur twice."""
    named = {"name": [image.name for image in images], "sha256": [i.sha256 for i in images]}
    for key, values in named.items():
        twin = _twin(values)
        if twin is None:
            continue
        entries = [image for image, value in zip(images, values, strict=True) if value == twin]
        splits = sorted({image.split for image in entries})
        where = "both splits" if len(splits) == 2 else f"the {splits[0]} split twice"
        yield (
            f"{path}: the {key} '{twin}' is in {where} "
            f"({', '.join(image.name for image in entries)}). Images that set ranges must not be "
            "the ones that drift is measured on, and each counts once; remove one entry."
        )


def _twin(values: Iterable[str]) -> str | None:
    known: set[str] = set()
    for value in values:
        if value in known:
            return value
        known.add(value)
    return None


def _located(image: ManifestImage) -> Path:
    package, colon, inside = image.source.partition(":")
    if not colon or len(package) == 1:  # one letter is a drive of Windows
        return image.folder / image.source
    module = PACKAGES.get(package, package.replace("-", "_"))
    # The folder alone is wanted: importing scikit-image takes longer than reading the image.
    module_spec = importlib.util.find_spec(module)
    if module_spec is None or module_spec.origin is None:
        raise ImageError(
            f"The manifest's image '{image.name}' is a file of the package {package}, which is not "
            f"installed. Install it with: pip install {package}"
        )
    return Path(module_spec.origin).parent / inside
