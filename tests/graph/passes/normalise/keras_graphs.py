"""Graphs as Keras and TensorFlow write them."""

from __future__ import annotations

import numpy as np

SEED = 6


GENERATOR = np.random.default_rng(SEED)


GAIN, SHIFT = (GENERATOR.normal(size=6).astype(np.float32) for _ in "gb")


NUMBERS = {
    "rows": np.array([1, 8, 10, 2, 3], np.int64), "back": np.array([1, 8, 10, 6], np.int64),
    "over": np.array([1, 2, 4], np.int64), "channel": np.array([1], np.int64),
    "eps": np.array(1e-3, np.float32), "gain": GAIN.reshape(1, 1, 1, 2, 3),
    "shift": SHIFT.reshape(1, 1, 1, 2, 3), "g": GAIN.reshape(1, 6, 1, 1),
    "b": SHIFT.reshape(1, 6, 1, 1), "tall": np.array([1, 1, 1, 2, 1], np.int64),
    "third": np.array([3], np.int64), "wide": np.array([1, 16, 10, 1, 6], np.int64),
    "large": np.array([1, 16, 20, 6], np.int64), "six": np.array([1, 6, 8, 1, 10, 1], np.int64),
    "both": np.array([1, 6, 8, 2, 10, 3], np.int64),
    "whole": np.array([1, 6, 16, 30], np.int64), "one": np.array([1, 1, 8, 10], np.int64),
}  # fmt: skip


NORM_START = """
    m = ReduceMean({x}, {axes}) n = Neg(m) d = Sub({x}, m) s = Mul(d, d) v = ReduceMean(s, {axes})
    e = Add(v, eps) q = Sqrt(e) r = Reciprocal(q) k = Mul(r, {gain}) p = Mul({x}, k)
"""


NORM_ENDS = {
    "the mean taken off last": "o = Mul(n, k) w = Add(o, {shift}) y = Add(p, w)",
    "the mean taken off the shift": "o = Mul(m, k) w = Sub({shift}, o) y = Add(p, w)",
    "without a shift": "o = Mul(n, k) y = Add(p, o)",
    "as a difference": "o = Mul(m, k) y = Sub(p, o)",
}
