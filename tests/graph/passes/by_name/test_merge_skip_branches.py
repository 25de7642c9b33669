"""Branches that only multiply channels are merged into the convolution beside them."""

from __future__ import annotations

from edge_imgq.graph.passes.by_name.merge_skip_branches import merge_skip_branches
from tests.graph.passes.fold.branches import REPVGG, check, repvgg


def test_repvgg_is_one_convolution_when_skips_are_merged_too() -> None:
    body = REPVGG.format("i = Conv<group=6>(image, d, db) t = Add(s, i)", "t")
    check(body, repvgg(), ["Conv", "Relu"], merge_skip_branches)
