"""Constants of networks that clip twice and slice channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.graph.build import weights

RNG = np.random.default_rng(5)


CONSTANTS: dict[str, Any] = {
    "one": np.float32(1), "minus": np.float32(-1), "zero": np.float32(0), "six": np.float32(6),
    "mirror": -np.eye(6, dtype=np.float32).reshape(6, 6, 1, 1),
    "slopes": -np.linspace(1, 2, 6, dtype=np.float32).reshape(6, 1, 1, 1),
    "mixed": weights(RNG, 6, 6, 1, 1), "ones": np.ones(6, np.float32),
    "rising": np.linspace(0.5, 1, 6, dtype=np.float32),
    "w": weights(RNG, 6, 6, 3, 3), "b": weights(RNG, 6, 1).reshape(6),
    "apart": weights(RNG, 6, 1, 3, 3), "channels": np.array([1], np.int64),
    "from": np.array([0], np.int64), "to": np.array([5], np.int64), "step": np.array([2], np.int64),
    "rows": np.array([2], np.int64),
}  # fmt: skip


CONV = "Conv<pads=[1,1,1,1]>(image, w, b)"


SLICES: dict[str, tuple[str, list[str]]] = {
    "at once": (f"x = {CONV} out = Slice(x, from, to, channels)", ["Conv"]),
    "behind activations": (f"x = {CONV} y = Relu(x) z = Clip(y, , one) "
                           "out = Slice(z, from, to, channels)", ["Conv", "Relu", "Clip"]),
    "every second": (f"x = {CONV} out = Slice(x, from, to, channels, step)", ["Conv"]),
    "not of rows": (f"x = {CONV} out = Slice(x, from, to, rows)", ["Conv", "Slice"]),
    "not of groups": ("x = Conv<group=6, pads=[1,1,1,1]>(image, apart, b) "
                      "out = Slice(x, from, to, channels)", ["Conv", "Slice"]),
    "not where the rest is read": (
        f"x = {CONV} y = Slice(x, from, to, channels) z = Slice(x, from, to, channels, step) "
        "out = Concat<axis=1>(y, z)", ["Conv", "Slice", "Slice", "Concat"]),
}  # fmt: skip
