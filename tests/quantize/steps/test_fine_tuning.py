"""Label-free fine-tuning, judged by ONNX Runtime on images that it never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from edge_imgq.images.layout import to_nchw
from edge_imgq.quantize.steps.fine_tuning import Lesson, tune
from tests.graph.build import run
from tests.quantize.smooth_photo import photo
from tests.quantize.steps.tuned_network import start


def batch(seeds: range) -> np.ndarray:
    return np.concatenate([to_nchw(photo(seed, (32, 32)), 1.0) for seed in seeds])


def lesson(steps: int, state: Path | None = None) -> Lesson:
    patches, held_out = batch(range(6)), batch(range(6, 8))
    return Lesson(patches, held_out, 1.0, steps, state, step_pixels=4 * 32 * 32, judged_every=20)


def serialised(model: ir.Model) -> bytes:
    return ir.to_proto(model).SerializeToString(deterministic=True)


def unwatched(done: int, total: int) -> None:
    assert done <= total


def decibels(original: ir.Model, quantized: ir.Model) -> float:
    image = to_nchw(photo(40), 1.0)
    error = run(quantized, image, exact=True) - run(original, image).clip(0, 1)
    return float(10 * np.log10(1 / np.mean(error**2)))


def test_an_image_that_was_never_seen_comes_nearer_to_the_float_one() -> None:
    original, quantized = start()
    before = decibels(original, quantized)
    tune(original, quantized, lesson(150), unwatched)
    assert decibels(original, quantized) > before + 0.5


def test_scales_stay_as_they_were() -> None:
    original, quantized = start()

    def scales() -> dict[str, list[float]]:
        return {
            name: value.const_value.numpy().reshape(-1).tolist()
            for name, value in quantized.graph.initializers.items()
            if ".scale" in name or ".zero_point" in name
        }

    before = scales()
    tune(original, quantized, lesson(20), unwatched)
    assert scales() == before


def test_two_runs_give_the_same_bytes() -> None:
    results = []
    for _ in range(2):
        original, quantized = start()
        tune(original, quantized, lesson(60), unwatched)
        results.append(serialised(quantized))
    assert results[0] == results[1]


def test_a_run_that_was_cut_off_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    original, whole = start()
    tune(original, whole, lesson(60), unwatched)
    state = tmp_path / "state"
    original, cut = start()
    seen: list[int] = []

    def limit_relu_sums(done: int, total: int) -> None:
        seen.append(done)
        if done == 50 and len(seen) == 51:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(original, cut, lesson(60, state), limit_relu_sums)
    assert state.is_file()
    original, cut = start()
    tune(original, cut, lesson(60, state), limit_relu_sums)
    assert seen[51] == 40
    assert serialised(cut) == serialised(whole)
    assert not state.exists()


def test_the_state_of_another_run_is_not_taken(tmp_path: Path) -> None:
    state = tmp_path / "state"
    original, quantized = start()

    def limit_relu_sums(done: int, total: int) -> None:
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(original, quantized, lesson(51, state), limit_relu_sums)
    seen: list[int] = []
    original, quantized = start()
    tune(original, quantized, lesson(10, state), lambda done, _: seen.append(done))
    assert seen[0] == 0
