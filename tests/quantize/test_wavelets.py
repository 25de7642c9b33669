"""A wavelet denoiser in int8: sums of three and more round once, and the image gains by it.

A Haar wavelet and its inverse around three convolutions, as MWCNN and its kin have them. ONNX
Runtime computes the float and the integer graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.float_regions import MARK
from edge_imgq.graph.load.load import normalise
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.quantize.quantize import quantize_prepared
from edge_imgq.recipe.folders import quantize_recipe
from tests.families.figures import psnr
from tests.graph.build import parsed, run, weights
from tests.quantize.build import CONTRACT, as_input
from tests.quantize.smooth_photo import photo

SIZE = (64, 64)
BODY = """
n = Mul(image, half) f = SpaceToDepth<blocksize=2>(n) a, b, c, d = Split<axis=1, num_outputs=4>(f)
ab = Add(a, b) cd = Add(c, d) ba = Sub(b, a) dc = Sub(d, c)
low = Add(ab, cd) rows = Sub(cd, ab) columns = Add(ba, dc) both = Sub(dc, ba)
z = Concat<axis=1>(low, rows, columns, both)
e = Conv<pads=[1, 1, 1, 1]>(z, w0) g = Relu(e) h = Conv<pads=[1, 1, 1, 1]>(g, w1) i = Relu(h)
j = Conv<pads=[1, 1, 1, 1]>(i, w2) k = Add(z, j) y = Mul(k, half)
p, q, r, s = Split<axis=1, num_outputs=4>(y)
pq = Sub(p, q) rs = Sub(s, r) qp = Add(p, q) sr = Add(r, s)
o0 = Add(pq, rs) o1 = Sub(pq, rs) o2 = Sub(qp, sr) o3 = Add(qp, sr)
t = Concat<axis=1>(o0, o1, o2, o3) out = DepthToSpace<blocksize=2>(t)
"""


def denoiser() -> ir.Model:
    generator = np.random.default_rng(17)
    constants: dict[str, Any] = {
        "half": np.float32(0.5),
        "w0": weights(generator, 24, 12, 3, 3),
        "w1": weights(generator, 24, 24, 3, 3),
        "w2": 0.2 * weights(generator, 12, 24, 3, 3),
    }
    model = parsed(BODY, constants, size="64,64", channels=3)
    return normalise(ir.to_proto(model), "wavelet")


def fidelity(original: ir.Model, *, once: bool = True) -> float:
    """Return dB between the float and the int8 graph, mean over two images."""
    images, recipe = [photo(seed, SIZE) for seed in range(4)], quantize_recipe("int8")
    prepared = prepared_graph(original, recipe.passes)
    if not once:
        for node in prepared.model.graph:
            node.metadata_props.pop(MARK, None)
    quantized = quantize_prepared(prepared, recipe, CONTRACT, iter(images)).model
    found = []
    for seed in (50, 51):
        image = as_input(photo(seed, SIZE))
        wanted = run(original, image).clip(0, 1) * 255
        found.append(psnr(np.rint(run(quantized, image, exact=True) * 255), wanted))
    return float(np.mean(found))


def test_sums_of_a_wavelet_that_round_once_gain_a_decibel() -> None:
    assert fidelity(denoiser()) > fidelity(denoiser(), once=False) + 1
