"""An Einsum is the products, sums and transpositions that its letters say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.graph.passes.build import assert_same

EINSUMS = {
    "channels by a constant": ("nchw,oc->nohw", {"w": (5, 6)}, ["Conv"]),
    "channels by a constant, turned": ("nchw,co->nohw", {"w": (6, 5)}, ["Conv"]),
    "the constant first": ("oc,nchw->nohw", {"w": (5, 6)}, ["Conv"]),
    "other letters, and spaces": ("A g, Zgqx -> ZAqx", {"w": (5, 6)}, ["Conv"]),
    "a result with channels last": ("nchw,oc->nhwo", {"w": (5, 6)}, ["Conv", "Transpose"]),
    "rows by a constant": ("nchw,hk->nkcw", {"w": (8, 4)}, None),
    "the last axis": ("nchw,wk->nchk", {"w": (10, 3)}, ["MatMul"]),
    "the last axis, dots": ("...w,kw->...k", {"w": (3, 10)}, ["MatMul"]),
    "columns of each channel": ("nchw,cwk->nhck", {"w": (6, 10, 3)}, None),
    "a matrix for each channel": ("nchw,cwk->nchk", {"w": (6, 10, 3)}, None),
    "a factor for each channel": ("nchw,c->nchw", {"w": (6,)}, None),
    "channels weighed and summed": ("nchw,c->nhw", {"w": (6,)}, None),
    "a mask": ("nchw,hw->nchw", {"w": (8, 10)}, ["Mul"]),
    "no result named": ("nchw,hw", {"w": (8, 10)}, None),
    "an axis of the matrix summed alone": ("nchw,cok->nohw", {"w": (6, 5, 2)}, None),
    "two matrices": ("nchw,oc,kw->nohk", {"w": (5, 6), "v": (3, 10)}, ["Conv", "MatMul"]),
    "an outer product": ("nchw,k->nkchw", {"w": (3,)}, None),
}


ALONE = {
    "turned": ("nchw->nhwc", ["Transpose"]),
    "turned, dots": ("...ij->...ji", ["Transpose"]),
    "summed and turned": ("nchw->nwc", None),
    "no result named": ("dcba", ["Transpose"]),
}


PAIRS = {
    "attention": "bchw,bckw->bchk",
    "attention of channels": "bchw,bdhw->bcd",
    "products of pixels": "bchw,bchw->bhw",
    "a product": "bchw,bchw->bchw",
    "rows by columns": "bchw,bchk->bcwk",
    "with dots": "...hw,...kw->...hk",
}


@pytest.mark.parametrize("name", EINSUMS)
def test_an_einsum_becomes_a_product(name: str) -> None:
    equation, shapes, kinds = EINSUMS[name]
    generator = np.random.default_rng(2)
    constants = {key: generator.normal(size=s).astype(np.float32) for key, s in shapes.items()}
    image_last = name in ("the constant first", "other letters, and spaces")
    operands = ["w", "image"] if image_last else ["image", *shapes]
    body = f'out = Einsum<equation="{equation}">({", ".join(operands)})'
    made = assert_same(body, constants, "Einsum")
    assert kinds is None or made == kinds


@pytest.mark.parametrize("name", ALONE)
def test_an_einsum_of_one_operand_is_a_transposition_or_a_sum(name: str) -> None:
    equation, kinds = ALONE[name]
    made = assert_same(f'out = Einsum<equation="{equation}">(image)', {}, "Einsum")
    assert kinds is None or made == kinds


@pytest.mark.parametrize("name", PAIRS)
def test_an_einsum_of_two_computed_values_becomes_a_product(name: str) -> None:
    body = f'c = Sigmoid(image) out = Einsum<equation="{PAIRS[name]}">(image, c)'
    assert_same(body, {}, "Einsum")


def test_an_einsum_along_a_diagonal_is_left() -> None:
    body = 's = Slice(image, a, b, c) out = Einsum<equation="bchh->bch">(s)'
    ends = {"a": np.array([0]), "b": np.array([8]), "c": np.array([3])}
    assert "Einsum" in assert_same(body, ends)
