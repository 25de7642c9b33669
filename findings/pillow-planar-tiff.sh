#!/usr/bin/env bash
# Pillow 13.0.0: a TIFF of 16 bits with a plane for each colour is read as noise, without a word.
#
# pillow 13.0.0, tifffile 2026.3.3, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# Pillow has no mode for 16 bits a channel in colour: it opens such a PNG or TIFF as RGB and keeps
# the upper 8 bits. A good guess is that every TIFF it opens as RGB follows that rule, or is refused.
# TIFF may store colours interleaved (PlanarConfiguration 1) or a plane for each (2). Of planes of
# 16 bits that are not compressed, Pillow takes each byte for a pixel: low and high bytes alternate,
# and half of each plane is missing. Nothing is raised or warned about; size and mode are right. The
# same planes compressed by Deflate go by way of libtiff and are right, as are planes of 8 bits.
#
# Seen (noise in RGB, 30 rows of 40 pixels; share of the pixels' channels that are not the upper 8
# bits of what was written):
#   16 bits, interleaved, not compressed: 0% are wrong
#   16 bits, interleaved, Deflate: 0% are wrong
#   16 bits, planes, not compressed: 100% are wrong
#   16 bits, planes, Deflate: 0% are wrong
#   8 bits, planes, not compressed: 0% are wrong
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cat > "$folder/planes.py" <<'PYTHON'
import io

import numpy as np
import tifffile
from PIL import Image

deep = np.random.default_rng(0).integers(0, 65536, (30, 40, 3)).astype(np.uint16)
upper = (deep >> 8).astype(np.uint8)
found = {}
for bits, planes, compression in (
    (16, False, None), (16, False, "zlib"), (16, True, None), (16, True, "zlib"), (8, True, None)
):
    pixels = deep if bits == 16 else upper
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        np.moveaxis(pixels, -1, 0) if planes else pixels,
        photometric="rgb",
        planarconfig="separate" if planes else "contig",
        compression=compression,
    )
    file.seek(0)
    stored = tifffile.imread(file)
    assert ((np.moveaxis(stored, 0, -1) if planes else stored) == pixels).all()
    file.seek(0)
    with Image.open(file) as image:
        assert (image.mode, image.size) == ("RGB", (40, 30))
        wrong = np.mean(np.asarray(image) != upper)
    stored = "planes" if planes else "interleaved"
    print(f"{bits} bits, {stored}, {'Deflate' if compression else 'not compressed'}: {wrong:.0%} are wrong")
    found[bits, planes, compression] = wrong
assert found.pop((16, True, None)) > 0.9
assert not any(found.values())
PYTHON
"$folder/venv/bin/python" "$folder/planes.py"
