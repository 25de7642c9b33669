"""The formula of rounding's error as a function of gains, against itself written term by term."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edge_imgq.quantize.error_model.expected_noise import (
    ExpectedNoise,
    LayerWeights,
    Rounded,
    Scale,
)

GENERATOR = np.random.default_rng(6)
GAIN = torch.tensor([1.0, 2.0, 0.5, 4.0, 1.0], dtype=torch.float64)
"""One for each class of channels; the last is the image's."""


def numbers(*shape: int) -> torch.Tensor:
    return torch.from_numpy(GENERATOR.uniform(0.2, 2.0, shape))


def rounded(*classes: int) -> Rounded:
    count = len(classes)
    return Rounded(torch.tensor(classes), numbers(count), numbers(count), numbers(count))


SCALES = [
    Scale([rounded(0, 1), rounded(1, 2)], None),
    Scale([rounded(3)], None),
    Scale([rounded(4, 2)], 0.03),
]
LAYERS = [
    LayerWeights(numbers(3, 2), torch.tensor([0, 1]), numbers(3), numbers(2)),
    LayerWeights(numbers(2, 3), torch.tensor([1, 2, 3]), numbers(2), numbers(3)),
]


def of_activations(gain: torch.Tensor) -> float:
    total = 0.0
    for scale in SCALES:
        spans = [
            max(m.low * gain[m.classes]) + max(m.high * gain[m.classes]) for m in scale.members
        ]
        step = max(spans) / 255 if scale.fixed is None else scale.fixed
        for member in scale.members:
            for error, own in zip(member.error, gain[member.classes], strict=True):
                total += float(step**2 / 12 * error / own**2)
    return total


def of_weights(gain: torch.Tensor) -> float:
    total = 0.0
    for layer in LAYERS:
        energy = sum(gain[layer.classes] ** 2 * layer.energy)
        for row, error in zip(layer.weight, layer.error, strict=True):
            step = max(row / gain[layer.classes]) / 127
            total += float(error * step**2 / 12 * energy)
    return total


@pytest.mark.parametrize("share", [0.0, 1.0, 0.3])
def test_the_error_is_the_sum_of_its_terms(share: float) -> None:
    found = ExpectedNoise(SCALES, LAYERS, share)(GAIN, sharp=True)
    assert float(found) == pytest.approx(of_activations(GAIN) + share * of_weights(GAIN))


def test_soft_maxima_are_slightly_larger_and_reach_all_that_are_large() -> None:
    gain = GAIN.clone().requires_grad_()
    noise = ExpectedNoise(SCALES, LAYERS, 0.5)
    sharp, soft = (float(noise(GAIN, sharp=sharp)) for sharp in (True, False))
    assert sharp < soft < 1.3 * sharp
    noise(gain, sharp=False).backward()
    assert gain.grad is not None
    assert torch.all(gain.grad != 0)


def test_a_graph_without_layers_or_activations_has_no_such_term() -> None:
    assert float(ExpectedNoise([], LAYERS, 1.0)(GAIN, sharp=True)) == pytest.approx(
        of_weights(GAIN)
    )
    assert float(ExpectedNoise(SCALES, [], 1.0)(GAIN, sharp=False)) > of_activations(GAIN)
