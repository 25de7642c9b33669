"""Merged clippings, and nodes that vanish, against ONNX Runtime on the original."""

from __future__ import annotations

import pytest

from edge_imgq.graph.passes.express.merge_clips import merge_clips
from tests.graph.passes.tidy.small_graphs import check

CLIPS: dict[str, tuple[str, list[str]]] = {
    "twice": ("x = Relu(image) out = Relu(x)", ["Relu"]),
    "relu and one": ("x = Relu(image) out = Clip(x, zero, one)", ["Clip"]),
    "three of them": ("x = Clip(image, n, six) y = Relu(x) out = Clip(y, , one)", ["Clip"]),
    "apart": ("x = Clip(image, n, zero) out = Clip(x, one, six)", ["Clip"]),
    "maximum": ("out = Max(image, zero)", ["Relu"]),
    "minimum": ("x = Max(n, image) out = Min(x, one)", ["Clip"]),
    "not where others read between": ("x = Relu(image) y = Clip(x, n, one) out = Add(x, y)",
                                      ["Relu", "Clip", "Add"]),
    "not a maximum of many": ("x = Max(image, vector) out = Relu(x)", ["Max", "Relu"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CLIPS)
def test_clippings_in_a_row_become_one(name: str) -> None:
    check(*CLIPS[name], merge_clips)
