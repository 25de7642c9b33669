"""Which PReLUs are split into sign channels where that must be cheap; what the others become."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edge_imgq.graph.rewrite import rewrite
from edge_imgq.kernels.x86 import X86_VNNI
from tests.graph.build import kinds, model, run, weights


def chain(
    width: int, kernel: int = 3, *, slopes: str = "varied", kind: str = "PRelu", tail: str = "Conv"
) -> ir.Model:
    """Two convolutions of `width` channels with an activation between, and a head and a tail."""
    generator = np.random.default_rng(width)
    pads = [kernel // 2] * 4
    alpha = {"alpha": 0.25} if kind == "LeakyRelu" else {}
    inputs = ["x"] if kind == "LeakyRelu" else ["x", "slope"]
    nodes = [
        helper.make_node("Conv", ["image", "head"], ["h"]),
        helper.make_node("Conv", ["h", "w"], ["x"], pads=pads),
        helper.make_node(kind, inputs, ["y"], **alpha),
        helper.make_node("Conv", ["y", "v"], ["z"], pads=pads),
        helper.make_node("Conv", ["z", "last"], ["t"]),
        helper.make_node("Add", ["t", "y"] if tail == "Add" else ["t", "t"], ["out"]),
    ]
    outputs = width if tail == "Add" else 3
    constants = {
        "head": weights(generator, width, 3, 1, 1),
        "w": 0.2 * weights(generator, width, width, kernel, kernel),
        "v": 0.2 * weights(generator, width, width, kernel, kernel),
        "last": weights(generator, outputs, width, 1, 1),
    }
    given = {"varied": generator.uniform(-0.2, 0.6, (width, 1, 1)), "one": np.array([0.25])}
    given["odd"] = np.array([0.3])
    if kind == "PRelu":
        constants["slope"] = given[slopes].astype(np.float32)
    return model(nodes, constants)


def activations(network: ir.Model) -> set[str]:
    """The kinds of activations that are left once splitting had to be cheap."""
    return {*kinds(rewrite(network, ["cheap-sign-split"], kernels=X86_VNNI))} - {"Conv", "Add"}


@pytest.mark.parametrize(
    ("width", "kernel", "left"),
    [(8, 3, "Relu"), (12, 3, "Relu"), (16, 3, "PRelu"), (32, 3, "PRelu"),
     (16, 1, "Relu"), (24, 1, "Relu"), (64, 1, "PRelu")],
)  # fmt: skip
def test_the_sign_channels_are_cheap_where_tiles_of_sixteen_channels_were_not_full(
    width: int, kernel: int, left: str
) -> None:
    """The order of the times that were measured: see
    `edge_imgq.graph.passes.by_name.sign_split_cost`."""
    assert activations(chain(width, kernel)) == {left}


def test_a_prelu_that_something_else_reads_too_needs_a_merge_and_may_stay() -> None:
    assert activations(chain(12)) == {"Relu"}
    assert activations(chain(12, tail="Add")) == {"PRelu"}


def test_slopes_that_are_one_number_become_a_leaky_relu_with_its_int8_kernel() -> None:
    assert activations(chain(16, slopes="one")) == {"LeakyRelu"}


def test_a_slope_that_the_int8_kernel_would_round_stays_a_prelu() -> None:
    assert activations(chain(16, slopes="odd")) == {"PRelu"}


def test_a_leaky_relu_has_a_kernel_and_so_is_split_in_narrower_layers_only() -> None:
    assert activations(chain(12, kind="LeakyRelu")) == {"LeakyRelu"}
    assert activations(chain(12, slopes="one")) == {"Relu"}


@pytest.mark.parametrize("width", [8, 16])
@pytest.mark.parametrize("slopes", ["varied", "one"])
@pytest.mark.parametrize("tail", ["Conv", "Add"])
def test_either_choice_is_exact_in_float(width: int, slopes: str, tail: str) -> None:
    original = chain(width, slopes=slopes, tail=tail)
    rewritten = rewrite(original, ["cheap-sign-split"])
    image = np.random.default_rng(0).normal(size=(1, 3, 9, 8)).astype(np.float32)
    wanted = run(original, image)
    np.testing.assert_allclose(run(rewritten, image), wanted, atol=1e-5 * np.abs(wanted).max())
