#!/usr/bin/env bash
# Pillow 13.0.0: an image that is resized in bands with `box` is not the image that is resized whole.
#
# pillow 13.0.0, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# `Image.resize(size, resample, box)` takes a box of floats, and Pillow reads beyond it what the
# kernel needs. So a large image can be enlarged band by band: rows 32 to 64 of the result are what
# the box (0, 32 / scale, width, 64 / scale) becomes.
#
# A good guess is that each band then has the bits of the same rows of the whole. For an image of
# mode "F" it has not. Enlarged twice, where the box is exact, a third of the values differ by the
# last bit of a float32, at some heights of a band and not at others. Enlarged three times, values
# differ by up to some hundredths in a tall image, since the box is kept in float32, which has no
# thirds. Next to nothing is left of both where each band is cut out of the image with the rows
# around it and resized with a box of whole numbers.
#
# Seen (bands of 32 rows of values from 0 to 255, 3072 rows and 60 columns enlarged):
#   x2 by box: 32% of the values differ, by up to 0.000031
#   x2 cut out: 0% of the values differ, by up to 0.000000
#   x3 by box: 99% of the values differ, by up to 0.026367
#   x3 cut out: 0% of the values differ, by up to 0.000031
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    pillow==13.0.0 numpy==2.4.6
cat > "$folder/bands.py" <<'PYTHON'
import numpy as np
from PIL import Image

BICUBIC, WIDTH, ROWS = Image.Resampling.BICUBIC, 60, 32
HEIGHT = 96 * ROWS


def by_box(image, scale, top):
    box = (0, top / scale, WIDTH, (top + ROWS) / scale)
    return image.resize((WIDTH * scale, ROWS), BICUBIC, box)


def cut_out(image, scale, top):
    """Cut out with two rows around, from a whole row to a whole row, and drop what is too much."""
    first, last = top // scale, -(-(top + ROWS) // scale)
    upper, lower = max(first - 2, 0), min(last + 2, HEIGHT)
    part = image.crop((0, upper, WIDTH, lower))
    size = (WIDTH * scale, (last - first) * scale)
    found = part.resize(size, BICUBIC, (0, first - upper, WIDTH, last - upper))
    skipped = top - first * scale
    return found.crop((0, skipped, WIDTH * scale, skipped + ROWS))


values = np.random.default_rng(0).uniform(0, 255, (HEIGHT, WIDTH)).astype(np.float32)
image = Image.fromarray(values)
largest = {}
for scale in (2, 3):
    whole = np.asarray(image.resize((WIDTH * scale, HEIGHT * scale), BICUBIC))
    for method in (by_box, cut_out):
        tops = range(0, HEIGHT * scale, ROWS)
        bands = np.concatenate([np.asarray(method(image, scale, top)) for top in tops])
        off = np.abs(bands - whole)
        name = method.__name__.replace("_", " ")
        print(f"x{scale} {name}: {np.mean(off > 0):.0%} of the values differ, by up to {off.max():.6f}")
        largest[scale, name] = off.max()
assert 0 < largest[2, "by box"] < 1e-4
assert largest[3, "by box"] > 1e-3
assert largest[2, "cut out"] < 1e-4 and largest[3, "cut out"] < 1e-4
PYTHON
"$folder/venv/bin/python" "$folder/bands.py"
