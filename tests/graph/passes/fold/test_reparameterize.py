"""Merged convolutions, against ONNX Runtime on the network as it was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_imgq.graph.passes.by_name.merge_skip_branches import merge_skip_branches
from edge_imgq.graph.passes.fold.reparameterize import reparameterize
from tests.graph.build import kinds, parsed, run, weights
from tests.graph.passes.fold.branches import REPVGG, check, conv, images, repvgg

SEEDS = range(12)


def test_repvgg_keeps_its_skip_otherwise() -> None:
    body = REPVGG.format("t = Add(image, s)", "t")
    graph = check(body, repvgg(), ["Conv", "Add", "Relu"])
    check(body, repvgg(), ["Conv", "Relu"], merge_skip_branches)
    assert kinds(graph)[-1] == "Relu"


def test_asymmetric_kernels_are_summed_with_the_square_one() -> None:
    body = (
        "a = Conv<pads=[0,1,0,1]>(image, w, wb) b = Conv<pads=[1,0,1,0]>(image, v, vb) "
        "s = Add(a, b) c = Conv<pads=[1,1,1,1]>(image, u) out = Sub(s, c)"
    )
    constants = {**conv(0, "w", 5, 6, 1, 3), **conv(0, "v", 5, 6, 3, 1), **conv(0, "u", 5, 6, 3, 3)}
    graph = check(body, constants, ["Conv"])
    assert list(graph.graph[0].attributes.get_ints("pads")) == [1, 1, 1, 1]


def test_two_asymmetric_kernels_alone_take_fewer_products_apart() -> None:
    body = (
        "a = Conv<pads=[0,1,0,1]>(image, w, wb) b = Conv<pads=[1,0,1,0]>(image, v, vb) "
        "out = Add(a, b)"
    )
    constants = {**conv(0, "w", 5, 6, 1, 3), **conv(0, "v", 5, 6, 3, 1)}
    check(body, constants, ["Conv", "Conv", "Add"])


def test_an_edge_oriented_block_is_one_convolution() -> None:
    """ECB: 1×1, then Sobel filters per channel, beside a 3×3 convolution."""
    sobel = np.float32([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    filters = np.stack([sobel, sobel.T, sobel, sobel.T, sobel])[:, None] * np.float32(0.3)
    body = (
        "a = Conv<pads=[1,1,1,1]>(image, w, wb) p = Conv(image, v) "
        "b = Conv<pads=[1,1,1,1], group=5>(p, f, vb) s = Add(a, b) out = Relu(s)"
    )
    constants = {**conv(0, "w", 5, 6, 3, 3), **conv(0, "v", 5, 6, 1, 1), "f": filters}
    check(body, constants, ["Conv", "Relu"])


def test_a_linear_block_of_sesr_is_one_convolution() -> None:
    body = (
        "a = Conv<pads=[2,2,2,2]>(image, w, wb) b = Conv(a, v, vb) s = Add(b, image) out = Relu(s)"
    )
    constants = {**conv(0, "w", 40, 6, 5, 5), **conv(0, "v", 6, 40, 1, 1)}
    check(body, constants, ["Conv", "Add", "Relu"])
    check(body, constants, ["Conv", "Relu"], merge_skip_branches)


def test_a_chain_that_pads_first_is_merged_whole() -> None:
    """1×1 with bias, 3×3 without padding, 1×1 again, on an image padded before."""
    body = "p = Conv<pads=[1,1,1,1]>(image, u, ub) a = Conv(p, w, wb) out = Conv(a, v, vb)"
    constants = {
        **conv(0, "u", 40, 6, 1, 1), **conv(0, "w", 40, 40, 3, 3), **conv(0, "v", 6, 40, 1, 1),
    }  # fmt: skip
    check(body, constants, ["Conv"])


def test_a_bias_before_padding_is_left_alone() -> None:
    body = "p = Conv(image, u, ub) out = Conv<pads=[1,1,1,1]>(p, w, wb)"
    constants = {**conv(0, "u", 40, 6, 1, 1), **conv(0, "w", 6, 40, 3, 3)}
    check(body, constants, ["Conv", "Conv"])
    check(body.replace(", ub)", ")"), constants, ["Conv"])


def test_a_kernel_before_padding_is_left_alone() -> None:
    body = "p = Conv<pads=[1,1,1,1]>(image, u) out = Conv<pads=[1,1,1,1]>(p, w)"
    check(body, {**conv(0, "u", 40, 6, 3, 3), **conv(0, "w", 6, 40, 1, 1)}, ["Conv"] * 2)
    check(body, {**conv(0, "u", 40, 6, 3, 3), **conv(0, "w", 6, 40, 3, 3)}, ["Conv"] * 2)


def test_a_merge_that_takes_more_products_is_left_alone() -> None:
    body = "p = Conv<group=6>(image, u) q = Conv(p, w) r = Relu(q) out = Conv(r, v)"
    constants = {
        **conv(0, "u", 6, 1, 3, 3), **conv(0, "w", 16, 6, 1, 1), **conv(0, "v", 6, 16, 1, 1),
    }  # fmt: skip
    check(body, constants, ["Conv", "Conv", "Relu", "Conv"])


def test_a_value_that_others_read_keeps_its_convolution() -> None:
    body = "p = Conv(image, u) a = Conv(p, w) b = Relu(p) m = GlobalAveragePool(b) out = Mul(a, m)"
    constants = {**conv(0, "u", 6, 6, 1, 1), **conv(0, "w", 6, 6, 3, 3)}
    check(body, constants, ["Conv", "Conv", "Relu", "GlobalAveragePool", "Mul"])


def test_kernels_at_different_places_are_united() -> None:
    body = (
        "a = Conv<pads=[1,1,1,1]>(image, w, wb) b = Conv<pads=[0,0,2,2]>(image, w, vb) "
        "out = Add(a, b)"
    )
    constants = {**conv(0, "w", 6, 6, 3, 3), "vb": np.ones(6, np.float32)}
    graph = check(body, constants, ["Conv"])
    assert list(graph.graph[0].attributes.get_ints("kernel_shape")) == [4, 4]


def test_convolutions_of_different_images_are_left_alone() -> None:
    body = "r = Relu(image) a = Conv(image, w, wb) b = Conv(r, w) out = Add(a, b)"
    check(body, conv(0, "w", 6, 6, 1, 1), ["Relu", "Conv", "Conv", "Add"])


def test_a_vector_that_is_added_to_an_image_is_no_branch() -> None:
    body = "m = GlobalAveragePool(image) a = Conv(m, w) b = Conv(image, w) out = Add(a, b)"
    check(body, conv(0, "w", 6, 6, 1, 1), ["GlobalAveragePool", "Conv", "Conv", "Add"])


def random_branch(generator: Any, index: int, outputs: int, stride: int) -> tuple[str, dict]:
    taps = generator.choice([1, 3, 5], 2)
    group = int(generator.choice([1, 2, 3])) if outputs == 6 else 1
    name = f"w{index}"
    pads = [int(t) // 2 for t in taps] * 2
    constants = {
        name: weights(generator, outputs, 6 // group, *taps),
        f"{name}b": weights(generator, outputs),
    }
    text = f"Conv<pads={pads}, strides=[{stride},{stride}], group={group}>(image, {name}, {name}b)"
    if generator.random() < 0.5:
        constants[f"p{index}"] = weights(generator, outputs, outputs, 1, 1)
        return f"t{index} = {text} v{index} = Conv(t{index}, p{index})", constants
    return f"v{index} = {text}", constants


@pytest.mark.parametrize("seed", SEEDS)
def test_random_branches_compute_the_same(seed: int) -> None:
    generator = np.random.default_rng(seed)
    outputs, stride = int(generator.choice([4, 6])), int(generator.choice([1, 2]))
    count = int(generator.integers(2, 5))
    lines, constants, last = [], {}, ""
    for index in range(count):
        line, more = random_branch(generator, index, outputs, stride)
        lines.append(line)
        constants.update(more)
        kind = generator.choice(["Add", "Sub"])
        if last:
            lines.append(f"s{index} = {kind}({last}, v{index})")
        last = f"s{index}" if last else f"v{index}"
    body = " ".join([*lines, f"out = Relu({last})"])
    graph = parsed(body, constants, size="h,w")
    before = [run(graph, image, exact=True) for image in images()]
    nodes = len(kinds(graph))
    reparameterize(graph)
    merge_skip_branches(graph)
    assert len(kinds(graph)) <= nodes
    for image, reference in zip(images(), before, strict=True):
        np.testing.assert_allclose(
            run(graph, image, exact=True), reference, atol=1e-4, err_msg=f"seed {seed}: {body}"
        )
