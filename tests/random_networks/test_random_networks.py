"""Random networks and operators, float and int8, against ONNX Runtime.

EDGE_IMGQ_FUZZ sets the number of networks of each kind, EDGE_IMGQ_SEED where drawing starts.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from edge_imgq.export.tflite.kernel_rewrites.choose_rewrites import fastest_rewrites
from edge_imgq.export.tflite.kernel_rewrites.row_parity_operators import on_split_rows
from edge_imgq.export.tflite.kernel_rewrites.winograd_region import (
    RegionSearch,
    can_split_rows,
    output_name,
)
from edge_imgq.export.tflite.lower import lower
from edge_imgq.kernels.arm import ARM_DOT
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.x86 import X86_VNNI
from tests.export.tflite.witness import (
    NOTE,
    Case,
    from_file,
    levels_of_both,
    lowered,
    network_of,
    quantized,
    run_litert,
    run_onnx,
    to_file,
)
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

from .networks import BY_ROWS, EVEN, FOR_INT8, networks
from .operators import operators


@seed(SEED)
@OPTIONS
@given(networks())
def test_a_random_network_in_float_agrees_with_onnx_runtime(case: Case) -> None:
    model, values = case.model(), image(case)
    wanted = run_onnx(model, values)
    try:
        got = from_file(run_litert(lowered(rewritten(model, FLOAT_PASSES)), to_file(values)))
    except Exception as error:
        raise AssertionError(complain(case, f"{type(error).__name__}: {error}")) from error
    assert got.shape == wanted.shape, complain(case, f"{got.shape} is not {wanted.shape}")
    off = float(np.abs(got - wanted).max())
    assert off <= 1e-4 * max(1, np.abs(wanted).max()), complain(case, f"off by {off:.1e}")


@seed(SEED)
@settings(OPTIONS, max_examples=max(EXAMPLES // 4, 1))
@given(networks(), st.sampled_from((X86_VNNI, ARM_DOT)))
def test_a_random_network_in_its_fastest_form_agrees_with_onnx_runtime(
    case: Case, kernels: KernelProfile
) -> None:
    model, values = case.model(), image(case)
    wanted = run_onnx(model, values)
    network = fastest_rewrites(network_of(rewritten(model, FLOAT_PASSES)), kernels).network
    try:
        got = from_file(run_litert(lower(network, NOTE), to_file(values)))
    except Exception as error:
        raise AssertionError(complain(case, f"{type(error).__name__}: {error}")) from error
    off = float(np.abs(got - wanted).max())
    assert off <= 1e-4 * max(1, np.abs(wanted).max()), complain(case, f"off by {off:.1e}")


@seed(SEED)
@settings(OPTIONS, max_examples=max(EXAMPLES // 4, 1))
@given(
    networks(BY_ROWS, sides=EVEN),
    st.integers(0, 999).map(Random),
    st.sampled_from((0.5, 0.8, 1.0)),
)
def test_a_random_network_on_even_and_odd_rows_agrees_with_onnx_runtime(
    case: Case, chance: Random, share: float
) -> None:
    """Any part of what can compute on even and odd rows does, however little it saves."""
    model, values = case.model(), image(case)
    wanted = run_onnx(model, values)
    network = network_of(rewritten(model, FLOAT_PASSES))
    able = (output_name(op) for op in network.operations if can_split_rows(op))
    search = RegionSearch(network, lambda _: 0.0, X86_VNNI)
    search.inside = {name for name in able if chance.random() < share}
    split = on_split_rows(network, search.region())
    try:
        got = from_file(run_litert(lower(split, NOTE), to_file(values)))
    except Exception as error:
        raise AssertionError(complain(case, f"{type(error).__name__}: {error}")) from error
    off = float(np.abs(got - wanted).max())
    assert off <= 1e-4 * max(1, np.abs(wanted).max()), complain(case, f"off by {off:.1e}")


@seed(SEED)
@OPTIONS
@given(networks(FOR_INT8), SPLITS)
def test_a_random_network_in_int8_agrees_with_its_qdq_model(case: Case, split: str) -> None:
    off = levels_off(case, split)
    share = float((off <= 1).mean())
    assert share >= 0.99, complain(case, f"{share:.2%} of values within one level, max {off.max()}")


@seed(SEED)
@OPTIONS
@given(operators(), SPLITS)
def test_a_random_operator_in_int8_is_within_a_level_of_its_qdq_model(
    case: Case, split: str
) -> None:
    off = levels_off(case, split)
    assert off.max() <= 1, complain(case, f"{(off > 1).mean():.2%} of values off, max {off.max()}")


def levels_off(case: Case, split: str) -> Any:
    """Return how many levels a file is off from its QDQ model, both given the same integers."""
    values = image(case)
    try:
        model = quantized(rewritten(case.model(), [*FLOAT_PASSES, split]), values)
        wanted, got = levels_of_both(model, values)
    except Exception as error:
        raise AssertionError(complain(case, f"{type(error).__name__}: {error}")) from error
    assert got.shape == wanted.shape, complain(case, f"{got.shape} is not {wanted.shape}")
    return np.abs(got - wanted)
