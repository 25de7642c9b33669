#!/usr/bin/env bash
# torch.onnx.export fixes adaptive pooling to the example's size, with height and width declared open.
#
# torch 2.13.0, onnxscript 0.7.2, onnx 1.23.2, onnxruntime 1.31.1; Python 3.11, Linux x86-64.
#
# With dynamo=True and Dim.DYNAMIC for height and width, AdaptiveAvgPool2d(2) of an example of 8x8
# becomes an AveragePool of 4x4, for all sizes; where the example is no multiple, it becomes a
# gather with the example's bins. The file keeps symbolic sizes, loads, and is right at 8x8 and
# wrong elsewhere; nothing is said at export. AdaptiveMaxPool2d and interpolate(mode="area") to a
# given size are fixed in the same way.
#
# A good guess is that the export fails, as that of dynamo=False does ("input size not
# accessible"), or that the size becomes a constraint, as torch.export does with an `if`. In a
# pyramid of pools, whose parts are enlarged to the image again, even the shape is right: the local
# mean is that of another area, and a network trained with it returns a picture a little off.
#
# Seen (shape from ONNX Runtime and torch, greatest difference, image 0 to 1):
#   mean over 2x2, at 8x8:                  (2, 2) (2, 2) 0
#   mean over 2x2, at 16x12:                (4, 3) (2, 2)
#   mean over 2x2, enlarged back, at 8x8:   (8, 8) (8, 8) 0
#   mean over 2x2, enlarged back, at 16x12: (16, 12) (16, 12) 0.14
#   mean over 3x3, at 16x12:                (3, 3) (3, 3) 0.26
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    torch==2.13.0 onnxscript==0.7.2 onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > "$work/pooling.py" <<'PYTHON'
import contextlib
import io
import logging
import warnings

import onnxruntime
import torch
from torch.export import Dim
from torch.nn.functional import adaptive_avg_pool2d, interpolate

EXAMPLE, OTHER = (8, 8), (16, 12)


class Pool(torch.nn.Module):
    def __init__(self, bins, enlarged=False):
        super().__init__()
        self.bins, self.enlarged = bins, enlarged

    def forward(self, image):
        mean = adaptive_avg_pool2d(image, self.bins)
        return interpolate(mean, size=image.shape[2:], mode="bilinear") if self.enlarged else mean


def exported(network):
    file = io.BytesIO()
    with warnings.catch_warnings(record=True) as said, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        torch.onnx.export(
            network,
            (torch.rand(1, 2, *EXAMPLE),),
            file,
            dynamo=True,
            dynamic_shapes=({2: Dim.DYNAMIC, 3: Dim.DYNAMIC},),
        )
    assert not any("pool" in str(one.message) for one in said)
    return onnxruntime.InferenceSession(file.getvalue())


def compare(name, network):
    """Return (shapes agree, greatest difference) at the example's size and at another."""
    session, results = exported(network.eval()), []
    assert all(isinstance(side, str) for side in session.get_inputs()[0].shape[2:])
    for size in (EXAMPLE, OTHER):
        image = torch.rand(1, 2, *size, generator=torch.Generator().manual_seed(0))
        ours, theirs = network(image), session.run(None, {"image": image.numpy()})[0]
        same = theirs.shape == tuple(ours.shape)
        off = float(abs(theirs - ours.numpy()).max()) if same else None
        print(f"{name}, at {size}: {theirs.shape[2:]} {tuple(ours.shape[2:])} {off}")
        results.append((same, off))
    return results


logging.disable(logging.WARNING)
torch.set_grad_enabled(False)
even = compare("mean over 2x2", Pool(2))
pyramid = compare("mean over 2x2, enlarged back", Pool(2, enlarged=True))
uneven = compare("mean over 3x3", Pool(3))
assert all(same and off < 1e-5 for same, off in (even[0], pyramid[0], uneven[0]))
assert not even[1][0], "the pool follows the size now"
assert pyramid[1][1] > 0.05 and uneven[1][1] > 0.05, "the pool follows the size now"
PYTHON
"$work/env/bin/python" "$work/pooling.py" 2>/dev/null
