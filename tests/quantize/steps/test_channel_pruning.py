"""Channels that are given up: what the others take over, and what is lost."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.graph import edit
from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.ranges.guard_set import GuardSet
from edge_imgq.quantize.steps.channel_pruning import (
    Products,
    PruningState,
    fold_into_consumers,
    measure_products,
    readers_of,
)
from tests.graph.build import run
from tests.quantize.smooth_photo import photo
from tests.quantize.steps.build import COPIED, PLAIN, carrying_network, quantized, squared_error

FREE = np.full(100, np.inf)


def alike_network(idle: int) -> ir.Model:
    """As `carrying_network`, with idle channels that are needed and are sums of the others."""
    network = carrying_network(idle, faint=0.3)
    first, bias = (network.graph.initializers[name] for name in ("w0", "b0"))
    kernel = edit.contents(first).copy()
    mixed = np.abs(np.random.default_rng(5).normal(size=(idle, 7))).astype(np.float32)
    kernel[7:] = np.einsum("ij,jklm->iklm", mixed, kernel[:7])
    first.const_value = ir.tensor(kernel)
    bias.const_value = ir.tensor(np.full(7 + idle, 0.0, np.float32))
    return network


def middle(network: ir.Model) -> ir.Value:
    return next(v for node in network.graph for v in node.outputs if v.name == "b")


def guard(count: int = 4) -> GuardSet:
    photos = np.concatenate([to_nchw(photo(seed), 1.0) for seed in range(count)])
    return GuardSet(photos, photos[:1], None, 1.0)


def test_channels_that_the_others_can_express_make_room_for_copies() -> None:
    network = alike_network(idle=6)
    copied = quantized(network, COPIED)
    assert copied.steps[-1].name == "copies"
    assert copied.steps[-1].kept
    image = to_nchw(photo(77), 1.0)
    assert np.abs(run(copied.original, image) - run(network, image)).max() < 0.5 / 255
    plain = quantized(network, PLAIN)
    assert squared_error(network, copied.model) < squared_error(network, plain.model)


@pytest.mark.parametrize("order", [[1, 4], [4, 1], [0, 2, 5]])
def test_what_is_left_is_the_least_squares_fit_by_those_that_stay(order: list[int]) -> None:
    generator = np.random.default_rng(11)
    values = generator.normal(size=(500, 6)) @ generator.normal(size=(6, 6))
    moments = values.T @ values / len(values)
    nothing = np.zeros((1, 2, 6, 6), np.float32)
    pruning = PruningState(Products(moments, nothing, nothing), 0.0, FREE[:1])
    for channel in order:
        pruning.prune(channel)
    stay = [channel for channel in range(6) if channel not in order]
    fitted = np.linalg.lstsq(values[:, stay], values[:, order], rcond=None)[0]
    assert pruning.reconstruction[np.ix_(order, stay)] == pytest.approx(fitted.T, rel=1e-6)
    assert not pruning.reconstruction[:, order].any()


@pytest.mark.parametrize("channel", [4, 7, 9])
def test_the_cost_of_a_channel_is_what_the_image_loses_when_the_others_took_over(
    channel: int,
) -> None:
    network = carrying_network(idle=3, faint=0.3)
    value = middle(network)
    images = guard(8)
    pruning = PruningState(measure_products(network, [value], images)[value], 0.0, FREE[:9])
    foretold = pruning.costs()[channel]
    pruning.prune(channel)
    without = network.clone()
    readers = readers_of(middle(without))
    assert readers is not None
    fold_into_consumers(without.graph, readers, pruning.reconstruction)
    changes = [run(without, i[None]) - run(network, i[None]) for i in images.photos]
    lost = float(np.mean(np.square(changes, dtype=np.float64)))
    # Estimated from eight photographs with two signs each.
    assert lost / 3 < foretold < lost * 3


def test_a_channel_that_an_unlike_image_needs_is_kept() -> None:
    network = carrying_network(idle=3, faint=0.3)
    value = middle(network)
    products = measure_products(network, [value], guard())[value]
    images = len(products.others)
    assert np.isfinite(PruningState(products, 0.0, FREE[:images]).costs()).all()
    assert np.isinf(PruningState(products, 0.0, np.zeros(images)).costs()).all()


def test_no_values_have_no_products() -> None:
    assert measure_products(alike_network(idle=6), [], guard()) == {}


def test_what_unlike_images_may_lose_is_used_up() -> None:
    network = carrying_network(idle=3, faint=0.3)
    value = middle(network)
    products = measure_products(network, [value], guard())[value]
    allowed = np.full(len(products.others), 1.0)
    PruningState(products, 0.0, allowed).prune(4)
    assert (allowed < 1).all()


def test_nothing_takes_over_where_a_value_is_read_by_more_than_layers() -> None:
    network = carrying_network(idle=2)
    value = middle(network)
    assert readers_of(value) is not None
    network.graph.append(ir.node("Neg", [value]))
    assert readers_of(value) is None
