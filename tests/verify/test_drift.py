"""Drift, on images whose difference is known by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_imgq.recipe.export import Budget
from edge_imgq.skipped import Skipped
from edge_imgq.verify.budget import breaches
from edge_imgq.verify.compare import compare
from edge_imgq.verify.drift import IDENTICAL, Agreement, BuiltinKernels, Drop
from edge_imgq.verify.summary import summarise, summarise_builtin

FLAT = np.full((16, 16, 3), 100, np.uint8)
SHIFTED = FLAT + np.uint8(1)
ONE_LEVEL = 20 * np.log10(255)
"""PSNR of images that differ by one level everywhere: 48.13 dB."""


def drift_of(file, reference=FLAT, quantized=None, source=None, truth=None, name="a", shave=0):
    return compare(
        name,
        file=file,
        reference=reference,
        quantized=quantized,
        source=reference if source is None else source,
        truth=truth,
        untreated=None if truth is None else reference,
        shave=shave,
    )


def test_one_level_everywhere_is_48_decibels() -> None:
    drift = summarise([drift_of(SHIFTED)])
    assert drift.vs_reference.mean == pytest.approx(ONE_LEVEL)
    assert drift.conversion.equal == 0
    assert drift.conversion.within_1 == 1
    assert drift.conversion.largest == 1


def test_the_same_image_counts_as_identical_not_as_infinity() -> None:
    drift = summarise([drift_of(FLAT), drift_of(SHIFTED, name="b")])
    assert drift.vs_reference.mean == pytest.approx((IDENTICAL + ONE_LEVEL) / 2)
    assert (drift.vs_reference.worst, drift.vs_reference.worst_image) == (
        pytest.approx(ONE_LEVEL),
        "b",
    )


def test_quantization_and_conversion_are_measured_apart() -> None:
    """The QDQ graph is one level off; the file returns what the QDQ graph returns."""
    drift = summarise([drift_of(SHIFTED, quantized=SHIFTED, source=SHIFTED)])
    assert drift.quantization.mean == pytest.approx(ONE_LEVEL)
    assert drift.conversion.equal == 1


def test_a_float_file_says_why_it_has_no_quantization_drift() -> None:
    assert isinstance(summarise([drift_of(FLAT)]).quantization, Skipped)


def test_drop_is_what_the_file_loses_against_the_truth_beyond_the_reference() -> None:
    truth = FLAT + np.uint8(2)
    drift = summarise([drift_of(FLAT, reference=SHIFTED, truth=truth)])
    assert isinstance(drift.drop, Drop)
    assert drift.drop.reference_psnr == pytest.approx(ONE_LEVEL)
    assert drift.drop.mean == pytest.approx(20 * np.log10(2))


def test_a_file_nearer_the_truth_than_its_reference_has_a_negative_drop() -> None:
    truth = FLAT + np.uint8(2)
    drift = summarise([drift_of(SHIFTED, reference=FLAT, truth=truth)])
    assert isinstance(drift.drop, Drop)
    assert drift.drop.mean < 0


def test_without_truth_the_drop_is_skipped_with_a_reason() -> None:
    drift = summarise([drift_of(SHIFTED)])
    assert isinstance(drift.drop, Skipped)
    assert "truth" in drift.drop.reason


def test_the_border_is_shaved_against_the_truth_alone() -> None:
    bordered = FLAT.copy()
    bordered[:2] += 50
    drift = summarise([drift_of(bordered, truth=SHIFTED, shave=2)])
    assert isinstance(drift.drop, Drop)
    assert drift.drop.mean == pytest.approx(0)
    assert drift.vs_reference.mean < 30


def test_shapes_are_compared_before_values() -> None:
    with pytest.raises(ValueError, match="shape"):
        drift_of(FLAT[:8].repeat(2, axis=1))


BUDGET = Budget(0.1, 0.2, 50.0, 0.999)


def test_every_exceeded_limit_gets_a_sentence() -> None:
    drift = summarise([drift_of(FLAT + np.uint8(3), truth=FLAT + np.uint8(1), name="cat")])
    sentences = breaches(drift, BUDGET)
    assert len(sentences) == 4
    assert "cat" in sentences[1]
    assert "the budget requires 50" in sentences[2]


def test_a_share_of_values_that_the_format_does_not_keep_is_no_budget() -> None:
    drift = summarise([drift_of(FLAT + np.uint8(3))])
    assert drift.conversion.within_1 == 0
    assert breaches(drift, Budget(9, 9, 30.0)) == ()


def test_where_a_graph_computes_in_float_decibels_count_instead_of_a_share() -> None:
    """A checkerboard of three levels: the file has the other squares, 48 dB as the graph has."""
    squares = (np.indices(FLAT.shape[:2]).sum(0) % 2)[..., np.newaxis].astype(np.uint8)
    graph, other = FLAT + 3 * squares, FLAT + 3 * (1 - squares)
    budget = Budget(9, 9, 30.0, 0.999)

    def found(file, *, in_float: bool) -> tuple[str, ...]:
        drift = summarise([drift_of(file, quantized=graph, source=graph)])
        assert drift.conversion.within_1 < 0.999
        return breaches(drift, budget, in_float=in_float)

    assert found(other, in_float=True) == ()
    assert len(found(other, in_float=False)) == 1
    assert len(found(FLAT + np.uint8(6) * squares, in_float=True)) == 1


def test_a_file_within_its_budget_has_no_breach() -> None:
    assert breaches(summarise([drift_of(FLAT, truth=SHIFTED)]), BUDGET) == ()


def test_a_device_is_held_to_this_host_instead_of_to_the_graph() -> None:
    """Four levels off everywhere: 36.1 dB, and far from the graph that the file came from."""
    away = FLAT + np.uint8(4)
    drift = summarise([compare_on_device(away, host=FLAT)])
    assert isinstance(drift.vs_host, Agreement)
    assert drift.vs_host.psnr == pytest.approx(20 * np.log10(255 / 4))
    assert (drift.vs_host.equal, drift.vs_host.within_1, drift.vs_host.largest) == (0, 0, 4)
    generous = Budget(psnr_drop=9, psnr_drop_worst=9, psnr_vs_reference=0, conversion_within_1=1)
    (sentence,) = breaches(drift, generous)
    assert "36.09 dB against what this host computes" in sentence
    near = summarise([compare_on_device(SHIFTED, host=FLAT)])
    assert breaches(near, generous) == ()
    (sentence,) = breaches(near, generous, bit_exact=True)
    assert "100.0000% of values differ, by up to 1 levels" in sentence
    same = summarise([compare_on_device(SHIFTED, host=SHIFTED)])
    assert breaches(same, generous, bit_exact=True) == ()


def compare_on_device(file, host):
    return compare(
        "a",
        file=file,
        reference=FLAT,
        quantized=None,
        source=FLAT,
        truth=None,
        shave=0,
        host=host,
    )


def test_tflites_own_kernels_are_compared_with_xnnpack_on_the_same_images() -> None:
    by_xnnpack = [drift_of(FLAT), drift_of(SHIFTED, name="b")]
    by_builtin = [drift_of(SHIFTED), drift_of(SHIFTED, source=SHIFTED, name="b")]
    found = summarise_builtin(by_builtin, by_xnnpack)
    assert found.images == 2
    assert found.vs_reference.mean == pytest.approx(ONE_LEVEL)
    assert found.xnnpack.mean == pytest.approx((IDENTICAL + ONE_LEVEL) / 2)
    assert (found.agreement.equal, found.agreement.within_1) == (0.5, 1)
    assert found.agreement.largest == 1


@pytest.mark.parametrize(
    ("builtin", "exceeded"),
    [(FLAT + np.uint8(40), True), (FLAT + np.uint8(2), False), (FLAT + np.uint8(1), False)],
)
def test_a_file_that_apps_without_xnnpack_ruin_is_over_its_budget(builtin, exceeded) -> None:
    budget = Budget(1, 1, 35, 0.999)
    images = [drift_of(SHIFTED)]
    found = summarise_builtin([drift_of(builtin, source=SHIFTED)], images)
    assert isinstance(found, BuiltinKernels)
    drift = replace(summarise(images), builtin_kernels=found)
    sentences = [line for line in breaches(drift, budget) if "own kernels" in line]
    assert len(sentences) == exceeded


def test_what_roundings_change_in_tflites_own_kernels_is_no_breach() -> None:
    budget = Budget(1, 1, 48.0, 0.9)
    images = [drift_of(SHIFTED)]
    almost = SHIFTED.copy()
    almost[0, 0] += 1  # 48.13 dB becomes 48.08
    found = summarise_builtin([drift_of(almost, source=SHIFTED)], images)
    assert not breaches(replace(summarise(images), builtin_kernels=found), replace(budget))


@pytest.mark.parametrize(("in_int8", "said"), [(42.0, True), (47.8, True), (55.0, False)])
def test_a_device_far_from_this_host_is_told_from_int8_that_is_coarse_anywhere(
    in_int8: float, said: bool
) -> None:
    found = summarise([drift_of(SHIFTED, quantized=SHIFTED, source=SHIFTED)])
    assert not isinstance(found.quantization, Skipped)
    graph = replace(found.quantization, mean=in_int8)
    away = replace(found, quantization=graph, vs_host=Agreement(44.9, 0.2, 0.7, 9))
    (breach,) = breaches(away, Budget(1, 1, 30.0, 0.0))
    assert breach.startswith("is 44.90 dB against what this host computes; the device may be 45")
    assert ("coarse for it anywhere" in breach) == said
    assert (f"{in_int8:.2f} dB against its float reference" in breach) == said
