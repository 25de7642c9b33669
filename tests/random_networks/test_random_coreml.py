"""Random networks as Core ML packages, float16 and W8A8, against ONNX Runtime.

EDGE_IMGQ_FUZZ sets the number of networks of each kind, EDGE_IMGQ_SEED where drawing starts.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import assume, given, seed, settings

from edge_imgq.graph.network import Network
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.program import Program
from tests.export.coreml.witness import saved, scale_invariant, step_by_step
from tests.export.tflite.witness import Case, network_of, quantized, run_onnx
from tests.random_networks.build import (
    EXAMPLES,
    FLOAT_PASSES,
    OPTIONS,
    SEED,
    SPLITS,
    complain,
    image,
    rewritten,
)

from .networks import networks

EXACT = 2e-3
"""Relative error that constants in float16 leave when nothing else is rounded."""


MIN_NORMAL = 2.0**-14
"""The least normal float16. Networks whose values count in smaller steps, products of many means
for example, are refused or lose bits: float16 does not hold them."""

MAX_LOST, SLACK = 1.25, 0.5
"""What a whole package may be further from the float model than the QDQ model is: a share of that
one's distance, and levels. A value that float16 tips over moves others in every layer after it, so
single values of whole networks need not agree."""


def half_exact(case: Case) -> Case:
    """Return a network whose constants float16 holds exactly, as far as passes leave them."""
    kept = {
        name: values.astype(np.float16).astype(np.float32) if values.dtype == np.float32 else values
        for name, values in case.constants.items()
    }
    return replace(case, constants=kept)


def package(case: Case, view: Network) -> Program:
    """Return the program of a saved package."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return saved(view, Path(folder) / "m.mlpackage")
        except Exception as error:
            raise AssertionError(complain(case, f"{type(error).__name__}: {error}")) from error


def least_step(view: Network) -> float:
    """Return the smallest scale of what operators compute."""
    tensors = [tensor for operation in view.operations for tensor in operation.outputs]
    return min(float(t.quantization.scale[0]) for t in tensors if t.quantization is not None)


def rms(values: Any) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@seed(SEED)
@settings(OPTIONS, max_examples=max(EXAMPLES // 2, 1))
@given(networks())
def test_a_random_network_in_float_agrees_with_onnx_runtime(case: Case) -> None:
    case = half_exact(case)
    model, values = case.model(), image(case)
    wanted = run_onnx(model, values)
    program = package(case, network_of(rewritten(model, FLOAT_PASSES)))
    got = Evaluator(program, rounding=False).run({"x": values})["end0"]
    assert got.shape == wanted.shape, complain(case, f"{got.shape} is not {wanted.shape}")
    off = float(np.abs(got - wanted).max())
    assert off <= EXACT * max(1, np.abs(wanted).max()), complain(case, f"off by {off:.1e}")


@seed(SEED)
@settings(OPTIONS, max_examples=max(EXAMPLES // 2, 1))
@given(networks(), SPLITS)
def test_every_operator_of_a_random_network_in_w8a8_is_within_a_level(
    case: Case, split: str
) -> None:
    values, float_model = image(case), case.model()
    try:
        model = quantized(rewritten(float_model, [*FLOAT_PASSES, split]), values)
    except Exception as error:
        raise AssertionError(complain(case, f"{type(error).__name__}: {error}")) from error
    view = network_of(model)
    assume(least_step(view) >= MIN_NORMAL)
    program = package(case, view)
    for name, off in step_by_step(view, model, {"x": values}, program).items():
        assert off.max() <= 1, complain(case, f"'{name}' is up to {off.max()} levels off")
    leaving = view.outputs[0]
    assert leaving.quantization is not None
    wanted = scale_invariant(leaving, run_onnx(model, values))
    got = Evaluator(program).run({"x": scale_invariant(view.inputs[0], values)})["end0"]
    exact = run_onnx(float_model, values) / leaving.quantization.scale[0]
    least = rms(wanted - exact)
    assert rms(got - exact) <= MAX_LOST * least + SLACK, complain(
        case, f"{rms(got - exact):.2f} levels from the float model, the QDQ model {least:.2f}"
    )
