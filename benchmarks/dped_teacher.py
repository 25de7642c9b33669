"""Make the pairs from which `dped-slim-iphone` learns: small photos, and what DPED makes of them.

DPED's instance normalisation takes its statistics from the whole image, so a patch of its output
cannot be had from the patch alone. Every pair is therefore a whole small photo: a square cut out of
a photograph at random, brought to one size, made as dull, dark or pale as phones do, and the
network of DPED's authors computed on exactly that, in bfloat16.

    python -m benchmarks.dped_teacher DPED_official/iphone.npz BSDS200 --output pairs
    python -m benchmarks.dped_teacher DPED_official/iphone.npz BSDS200 --output pairs --look dark
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import to_pixels
from edge_imgq.images.files import list_images, read_rgb, write_image
from edge_imgq.images.phone import PhoneCamera
from edge_imgq.images.resize import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

DARK = PhoneCamera(
    blur=(0.3, 1.5), gamma=(0.8, 2.6), contrast=(0.35, 1.0), lift=(0.0, 0.08),
    cast=(1.0, 1.0, 1.0), cast_spread=0.12, saturation=(0.3, 1.0), vignette=(0.0, 0.5),
    noise=(0.5, 4.0),
)  # fmt: skip
"""Against the light, in fog, at dusk: what a phone of 2009 makes of it."""

PALE = PhoneCamera(
    blur=(0.3, 1.5), gamma=(0.6, 1.6), contrast=(0.06, 0.5), lift=(0.1, 0.6),
    cast=(1.0, 1.0, 1.0), cast_spread=0.1, saturation=(0.2, 1.0), vignette=(0.0, 0.2),
    noise=(0.3, 3.0),
)  # fmt: skip
"""Sky, fog and walls: hardly any contrast, which the teacher's normalisation stretches."""

HARSH = PhoneCamera(
    blur=(0.3, 1.5), gamma=(0.7, 2.0), contrast=(1.0, 1.7), lift=(-0.15, 0.1),
    cast=(1.0, 1.0, 1.0), cast_spread=0.1, saturation=(0.4, 1.1), vignette=(0.0, 0.3),
    noise=(0.3, 3.0),
)  # fmt: skip
"""Sun and deep shadow: a good part of the photo is black, or white."""

DULL = PhoneCamera(
    blur=(0.3, 1.0), gamma=(0.8, 1.8), contrast=(0.3, 0.8), lift=(0.0, 0.12),
    cast=(0.97, 1.0, 0.97), cast_spread=0.1, saturation=(0.2, 0.7), vignette=(0.0, 0.35),
    noise=(1.0, 6.0),
)  # fmt: skip
"""What DPED's iPhone of 2009 wrote on an ordinary day: dim, greenish, with coarse grain."""


@dataclass(frozen=True)
class Look:
    """How the small photos of one kind come about.

    Attributes:
        smallest: Side in pixels of the smallest square that is cut out of a photograph.
        cameras: What the squares of a photograph suffer in turn.
        grain: The coarsest grain of the camera's noise, in pixels of the small photo.
    """

    smallest: int
    cameras: tuple[PhoneCamera | None, ...]
    grain: float = 1.0


LOOKS = {
    "day": Look(128, (None, PhoneCamera())),
    "dark": Look(40, (DARK,)),
    "pale": Look(24, (PALE,)),
    "harsh": Look(96, (HARSH,)),
    "dull": Look(64, (DULL,), grain=2.2),
    "sky": Look(10, (DULL,), grain=2.2),
}
"""`sky` is `dull` of so small a square that hardly anything but a gradient is in it."""


def small_photo(
    photo: NDArray[np.uint8], smallest: int, size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Cut a square (size, size, 3) out of a photograph, of a side drawn evenly in its logarithm."""
    most = min(photo.shape[:2])
    drawn = math.exp(rng.uniform(math.log(smallest), math.log(max(most, smallest))))
    side = min(most, round(drawn))
    top, left = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
    return resize(photo[top : top + side, left : left + side], (size, size))


def photographed(
    photo: NDArray[np.uint8], look: Look, turn: int, size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a small photo (size, size, 3) as the camera whose turn it is would write it."""
    coarse = round(size / rng.uniform(1.0, look.grain)) if look.grain > 1.0 else size
    square = small_photo(photo, look.smallest, coarse, rng)
    camera = look.cameras[turn % len(look.cameras)]
    square = camera(square, rng) if camera else square
    return square if coarse == size else resize(square, (size, size))


def taught(teacher: nn.Module, square: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what the teacher makes of a small photo."""
    import torch

    image = torch.from_numpy(square.transpose(2, 0, 1)[None] / np.float32(255.0))
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        output = teacher(image)[0].float().numpy()
    return to_pixels(output.transpose(1, 2, 0) * 255.0)


def main() -> None:
    """Write `input/` and `truth/`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("weights", type=Path, help="the authors' weights, an .npz file")
    parser.add_argument("photos", type=Path, nargs="+", help="folders of photographs")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--each", type=int, default=2, help="squares of each photograph")
    parser.add_argument("--look", choices=LOOKS, default="day")
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    import torch

    from edge_imgq.models.dped_weights import read_dped

    torch.set_num_threads(options.threads)
    teacher = read_dped(options.weights)
    look = LOOKS[options.look]
    for folder in ("input", "truth"):
        (options.output / folder).mkdir(parents=True, exist_ok=True)
    paths = [path for folder in options.photos for path in list_images(folder)]
    for index in range(len(paths) * options.each):
        path = paths[index % len(paths)]
        rng = np.random.default_rng([options.seed, index])
        turn = index // len(paths)
        square = photographed(read_rgb(path), look, turn, options.size, rng)
        name = f"{path.stem}-{options.look}-{turn}.png"
        write_image(options.output / "input" / name, square)
        write_image(options.output / "truth" / name, taught(teacher, square))


if __name__ == "__main__":
    main()
