"""Networks that end in a pixel shuffle, and what "crd-to-dcr" must make of them."""

from __future__ import annotations

import numpy as np

from edge_imgq.graph.rewrite import rewrite
from tests.graph.build import kinds, parsed, run, weights

CONSTANTS = {
    name: weights(np.random.default_rng(9), *shape)
    for name, shape in {
        "w": (12, 3, 3, 3), "wb": (12,), "v": (12, 12, 1, 1), "d": (12, 1, 3, 3), "db": (12,),
        "k": (1, 12, 1, 1), "s": (12, 1, 1), "s3": (3, 1, 1), "g": (12, 6, 1, 1), "u": (5, 3, 1, 1),
        "t2": (3, 2, 1, 1),
    }.items()
}  # fmt: skip


BODY = "x = Conv<pads=[1,1,1,1]>(image, w, wb)"


LAST = 'DepthToSpace<blocksize=2, mode="CRD">'


ACTIVE = {
    "relu": (f"{BODY} y = {LAST}(x) out = Relu(y)", ["Conv", "Relu", "DepthToSpace"]),
    "clip": (f"{BODY} y = DepthToSpace<blocksize=2>(x) out = Clip(y, lo, hi)",
             ["Conv", "Clip", "DepthToSpace"]),
    "prelu": (f"{BODY} y = {LAST}(x) out = PRelu(y, s3)", ["Conv", "PRelu", "DepthToSpace"]),
    "prelu after dcr": (f"{BODY} y = DepthToSpace<blocksize=2>(x) out = PRelu(y, s3)",
                        ["Conv", "PRelu", "DepthToSpace"]),
    "enlarging": (f'{BODY} y = Resize<mode="nearest">(x, , two) z = PRelu(y, s) out = Tanh(z)',
                  ["Conv", "PRelu", "Tanh", "Resize"]),
    "enlarging any function": (f'{BODY} y = Resize<mode="nearest">(x, , two) z = Gelu(y) '
                               "out = Elu(z)", ["Conv", "Gelu", "Elu", "Resize"]),
    "not interpolation": (f'{BODY} y = Resize<mode="linear">(x, , two) out = Relu(y)',
                          ["Conv", "Resize", "Relu"]),
    "not where others read": (f"{BODY} y = {LAST}(x) z = Relu(y) out = Add(y, z)",
                              ["Conv", "DepthToSpace", "Relu", "Add"]),
    "not a fixed range": (f"{BODY} y = {LAST}(x) out = Sigmoid(y)",
                          ["Conv", "DepthToSpace", "Sigmoid"]),
}  # fmt: skip


def check(body: str, wanted: list[str] | None) -> None:
    words = set(body.replace(",", " ").replace("(", " ").replace(")", " ").split())
    constants = {key: value for key, value in CONSTANTS.items() if key in words}
    constants |= {f"i{i}": np.array([i], np.int64) for i in range(4) if f"i{i}" in words}
    if "one" in words:
        constants["one"] = np.array([1], np.int64)
    if "pads" in words:
        constants["pads"] = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    original = parsed(body, constants, size="6,5", channels=3)
    rewritten = rewrite(original, ["crd-to-dcr"])
    image = np.random.default_rng(1).normal(size=(1, 3, 6, 5)).astype(np.float32)
    if wanted is not None:
        assert kinds(rewritten) == wanted
    modes = {node.attributes.get_string("mode") for node in rewritten.graph
             if node.op_type == "DepthToSpace"}  # fmt: skip
    assert "CRD" not in modes
    np.testing.assert_allclose(run(rewritten, image), run(original, image), atol=1e-5)
