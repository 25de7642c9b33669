"""Makes the picture of the README from a photograph that ships with scikit-image.

    make demo
    .venv/bin/python docs/pictures.py

Four times the same piece of one photograph, which was halved before: enlarged by bicubic, by the
float network, and by the int8 file that an app ships; and what separates the last two.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.files import read_rgb, write_image
from edge_imgq.images.resize import downscale, upscale
from edge_imgq.metrics.psnr import psnr
from edge_imgq.pipeline.enhance.enhance_image import enhance_pixels
from edge_imgq.pipeline.enhance.enhancer import open_enhancer
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from edge_imgq.report.drift_picture import AMPLIFIED, amplified

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]

PHOTOGRAPH = "chelsea"
PIECE = (slice(88, 216), slice(110, 238))
"""Rows and columns that are shown, in pixels of the photograph."""

ZOOM = 2
GAP, CAPTION, LETTERS = 8, 26, 15


def main() -> None:
    """Enlarge the photograph in three ways and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts/fsrcnn-x2"))
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "pictures" / "fsrcnn-x2.png"
    )
    arguments = parser.parse_args()
    truth, panels = enlarged(arguments.artifacts)
    captions = [f"{name}: {psnr(truth, image):.2f} dB" for name, image in panels.items()]
    pieces = [image[PIECE] for image in panels.values()]
    captions.append(f"int8 - float, x {AMPLIFIED}")
    pieces.append(amplified(pieces[2], pieces[1]))
    write_image(arguments.output, add_maps(pieces, captions))


def enlarged(artifacts: Path) -> tuple[Pixels, dict[str, Pixels]]:
    """Return the photograph, and what three ways make of its half, by name."""
    (source,) = (image for image in read_manifest(default_manifest()) if image.name == PHOTOGRAPH)
    photograph = read_rgb(image_path(source))
    half = downscale(photograph, 2)
    files = {
        "float": artifacts / "reference" / "float.onnx",
        "int8 TFLite": artifacts / "tflite-int8.tflite",
    }
    panels = {"bicubic": upscale(half, 2)}
    for name, file in files.items():
        panels[name] = enhance_pixels(half, open_enhancer(str(file), 1), lambda _done, _all: None)
    height, width = panels["bicubic"].shape[:2]
    return photograph[:height, :width], panels


def add_maps(pieces: list[Pixels], captions: list[str]) -> Pixels:
    """Return the pieces in a row, pixels magnified as squares, each under its caption."""
    from PIL import Image, ImageDraw, ImageFont

    large = [piece.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1) for piece in pieces]
    height, width = large[0].shape[:2]
    total = len(large) * width + (len(large) - 1) * GAP
    canvas = Image.new("RGB", (total, height + CAPTION), "white")
    draw = ImageDraw.Draw(canvas)
    for index, (piece, caption) in enumerate(zip(large, captions, strict=True)):
        left = index * (width + GAP)
        draw.text((left, 3), caption, fill="black", font=ImageFont.load_default(LETTERS))
        canvas.paste(Image.fromarray(piece), (left, CAPTION))
    return np.asarray(canvas)


if __name__ == "__main__":
    main()
