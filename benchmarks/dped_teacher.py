"""Make the pairs from which `dped-slim-iphone` learns: small photos, and what DPED makes of them.

DPED's instance normalisation takes its statistics from the whole image, so a patch of its output
cannot be had from the patch alone. Every pair is therefore a whole small photo: a square cut out of
a photograph at random, brought to one size, every second one made dull by a simulated phone, and
the network of DPED's authors computed on exactly that.

    python -m benchmarks.dped_teacher DPED_official/iphone.npz BSDS200 General100 --output pairs
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.files import list_images, read_rgb, write_image
from edge_imgq.images.phone import PhoneCamera
from edge_imgq.images.resize import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 128
"""Side of the smallest square that is cut out, in pixels."""


def small_photo(
    photo: NDArray[np.uint8], size: int, dull: bool, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Cut a square (size, size, 3) out of a photograph, of a side drawn evenly in its logarithm."""
    most = min(photo.shape[:2])
    drawn = math.exp(rng.uniform(math.log(SMALLEST), math.log(max(most, SMALLEST))))
    side = min(most, round(drawn))
    top, left = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
    square = resize(photo[top : top + side, left : left + side], (size, size))
    return PhoneCamera()(square, rng) if dull else square


def main() -> None:
    """Write `input/` and `truth/`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("weights", type=Path, help="the authors' weights, an .npz file")
    parser.add_argument("photos", type=Path, nargs="+", help="folders of photographs")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--each", type=int, default=2, help="squares of each photograph")
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    import torch

    from edge_imgq.models.dped_weights import read_dped
    from edge_imgq.train.validate import restore

    torch.set_num_threads(options.threads)
    teacher = read_dped(options.weights)
    for folder in ("input", "truth"):
        (options.output / folder).mkdir(parents=True, exist_ok=True)
    paths = [path for folder in options.photos for path in list_images(folder)]
    for index in range(len(paths) * options.each):
        path = paths[index % len(paths)]
        rng = np.random.default_rng([options.seed, index])
        square = small_photo(read_rgb(path), options.size, index // len(paths) % 2 == 1, rng)
        name = f"{path.stem}-{index // len(paths)}.png"
        write_image(options.output / "input" / name, square)
        write_image(options.output / "truth" / name, restore(teacher, square))


if __name__ == "__main__":
    main()
