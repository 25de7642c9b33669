"""Noise of the size of int8's rounding: what gets it, how much, and what learning makes of it."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.errors import UsageError
from edge_imgq.models.zoo import UNTRAINED, ZOO, zoo_entry
from edge_imgq.train.config import TrainConfig, check_config
from edge_imgq.train.int8_noise import Int8Noise
from edge_imgq.train.learner import new_learner
from edge_imgq.train.patches import Batch
from edge_imgq.train.schedule import Schedule

SCHEDULE = Schedule(steps=200, batch=4, patch=16, learning_rate=1e-2, warmup=1, bfloat16_until=0)


def noise(strength: float = 1.0, seed: int = 1) -> Int8Noise:
    return Int8Noise(strength, torch.Generator().manual_seed(seed))


def images(count: int = 4, channels: int = 1) -> Tensor:
    return torch.rand(count, channels, 16, 16, generator=torch.Generator().manual_seed(3))


def test_what_a_convolution_reads_of_another_is_off_by_half_a_step_at_most() -> None:
    torch.manual_seed(1)
    first, second = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 1, bias=False)
    nn.init.dirac_(second.weight)  # which shows what it reads
    with torch.no_grad():
        exact = F.relu(first(images()))
    with noise(4.0):
        read = second(F.relu(first(images())))
    step = float(exact.max() - exact.min()) / 255
    off = (read - exact).detach()
    assert 1.9 * step < float(off.abs().max()) <= 2.0 * step
    assert float(off.std()) == pytest.approx(4 * step / 12**0.5, rel=0.03)


def test_a_rectifier_reads_what_was_not_stored_yet() -> None:
    convolution = nn.Conv2d(1, 2, 3)
    with noise(50.0):
        rectified = F.relu(convolution(images()))
    assert torch.equal(rectified, F.relu(convolution(images())))


def test_all_readers_of_a_tensor_see_the_same_noise() -> None:
    convolution = nn.Conv2d(1, 2, 3)
    with noise(50.0):
        features = convolution(images())
        readers = [features * 2.0, features + features, torch.cat([features]) * 2.0]
    assert torch.equal(readers[0], readers[1])
    assert torch.equal(readers[0], readers[2])
    assert not torch.equal(readers[0], features * 2.0)


def test_input_and_output_of_a_network_stay_exact() -> None:
    class Doubled(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image + image

    with noise(50.0):
        result = Doubled()(images())
    assert torch.equal(result, 2 * images())


@pytest.mark.parametrize("name", [*ZOO, *UNTRAINED])
def test_every_network_of_the_zoo_feels_it_and_can_learn_from_it(name: str) -> None:
    torch.manual_seed(2)
    network = zoo_entry(name).build()
    for parameter in network.parameters():  # new networks return their input, whatever else
        nn.init.normal_(parameter, std=0.1)
    image = images(1, zoo_entry(name).contract.channels)
    exact = network(image)
    with noise(2.0):
        output = network(image)
    assert output.shape == exact.shape
    assert not torch.equal(output, exact)
    output.square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_the_gradient_pulls_the_extremes_in() -> None:
    value = torch.tensor([[[[-1.0, 0.1, 0.2, 3.0]]]], requires_grad=True)
    one = torch.ones(1, 1, 1, 1)
    total = torch.zeros(())
    for seed in range(1000):
        with noise(100.0, seed):
            read = F.conv2d(F.conv2d(value, one), one)
        total = total + (read - value.detach()).square().sum() / 1000
    total.backward()
    gradient = value.grad.flatten()
    assert float(gradient[0]) < 0 < float(gradient[3])
    # The mean square of uniform noise over four values: 4 (100 range / 255)^2 / 12, by the range.
    expected = 4 * (100 / 255) ** 2 / 12 * 2 * 4.0
    assert float(gradient[3]) == pytest.approx(expected, rel=0.25)
    assert float(gradient[1].abs()) < 0.25 * expected


def rounded(network: nn.Module, image: Tensor) -> Tensor:
    """Compute with every intermediate tensor rounded to 256 steps of its own range."""

    class Rounding(Int8Noise):
        def _with_noise(self, tensor: Tensor) -> Tensor:
            low, high = torch.aminmax(tensor)
            step = (high - low) / 255
            return ((tensor - low) / step).round() * step + low

    with torch.no_grad(), Rounding(1.0, torch.Generator()):
        result: Tensor = network(image)
    return result


def learned(strength: float) -> nn.Module:
    """Teach a network of which one feature is thirty times larger than the others to copy."""
    torch.manual_seed(5)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))
    with torch.no_grad():
        network[0].weight[0], network[2].weight[:, 0] = 10.0 / 3, 0.001
    schedule = dataclasses.replace(SCHEDULE, int8_noise=strength)
    learner = new_learner(network, copy.deepcopy(network), schedule)
    rng = np.random.default_rng(1)
    for step in range(schedule.steps):
        truth = rng.integers(0, 256, (4, 1, 16, 16), dtype=np.uint8)
        learner.step(Batch(truth, truth), step)
    return learner.average


def test_a_network_that_learned_with_it_loses_less_by_rounding() -> None:
    image = images(8)
    errors = []
    for strength in (0.0, 16.0):
        network = learned(strength)
        with torch.no_grad():
            errors.append(float((rounded(network, image) - network(image)).square().mean()))
    assert errors[1] < 0.5 * errors[0], errors


def test_a_step_has_the_same_noise_whenever_it_is_taken() -> None:
    batch = Batch(*[np.full((4, 1, side, side), 90, np.uint8) for side in (16, 32)])
    losses = []
    for _ in range(2):
        torch.manual_seed(1)
        network = zoo_entry("espcn-x2").build()
        schedule = dataclasses.replace(SCHEDULE, int8_noise=30.0)
        learner = new_learner(network, copy.deepcopy(network), schedule)
        losses.append([learner.loss(batch, step).item() for step in (7, 7, 8)])
    assert losses[0] == losses[1]
    assert losses[0][0] == losses[0][1] != losses[0][2]


def test_a_negative_width_is_refused(tmp_path) -> None:
    schedule = dataclasses.replace(SCHEDULE, int8_noise=-1.0)
    with pytest.raises(UsageError, match="noise of int8 must be 0 or above, not -1"):
        check_config(TrainConfig("espcn-x2", (tmp_path,), tmp_path, schedule))
