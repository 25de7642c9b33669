"""All phases together: what one pass leaves is what another looks for."""

from __future__ import annotations

import sys

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.pass_pipeline import PipelineEntry
from edge_imgq.graph.passes.canonical import PHASES
from tests.graph.build import parsed
from tests.graph.passes.build import check_form, numbers


def test_a_mean_whose_axes_come_back_keeps_them() -> None:
    body = "m = ReduceMean<keepdims=0>(image, a) s = Mul(m, two) u = Reshape(s, n)"
    constants = {"a": numbers(2, 3), "two": np.float32(2), "n": numbers(1, 6, 1, 1)}
    check_form(f"{body} out = Sub(image, u)", constants, ["ReduceMean", "Mul", "Sub"])


def gated_trunk(blocks: int) -> ir.Model:
    """Return x ← x + erf(c · (1 + tanh c)) with c = relu(conv x), a number of times."""
    body, x = list[str](), "image"
    for k in range(blocks):
        body += [
            f"c{k} = Conv <kernel_shape = [1, 1]> ({x}, weight) r{k} = Relu(c{k}) t{k} = Tanh(r{k})"
            f" s{k} = Add(t{k}, one) m{k} = Mul(r{k}, s{k}) e{k} = Erf(m{k}) x{k} = Add({x}, e{k})"
        ]
        x = f"x{k}"
    constants = {"weight": np.eye(6, dtype=np.float32)[..., None, None], "one": np.float32(1)}
    return parsed(" ".join([*body, f"out = Sigmoid({x})"]), constants)


def calls(entry: PipelineEntry, model: ir.Model) -> int:
    """Return how many Python functions a pass calls, those in C included."""
    count = 0

    def watch(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(watch)
    try:
        entry.run(model)
    finally:
        sys.setprofile(None)
    return count


def test_a_pass_that_finds_nothing_is_linear_in_the_number_of_nodes() -> None:
    small, large = gated_trunk(12), gated_trunk(24)
    for entry in (entry for phase in PHASES for entry in phase.passes()):
        few, many = calls(entry, small), calls(entry, large)
        assert many < 2.2 * few, entry.name
