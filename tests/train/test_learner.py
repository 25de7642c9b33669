"""One step: schedule, losses, slopes, moving average."""

from __future__ import annotations

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch

from edge_imgq.models.fsrcnn import FSRCNN
from edge_imgq.train.learner import hold_slopes, new_learner, relu_channels
from edge_imgq.train.losses import PIXEL_LOSSES, shared_loss
from edge_imgq.train.patches import Batch
from edge_imgq.train.phases import learning_rate, pixel_loss_at
from edge_imgq.train.schedule import Schedule

SCHEDULE = Schedule(steps=100, batch=2, patch=8, learning_rate=1e-3, warmup=10)


def small_learner(schedule: Schedule = SCHEDULE):
    torch.manual_seed(1)
    network = FSRCNN(scale=2, features=8, shrunk=4, mappings=1)
    return new_learner(network, copy.deepcopy(network), schedule)


def random_batch(seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 256, (2, 1, 8, 8), dtype=np.uint8)
    return Batch(low, low.repeat(2, axis=2).repeat(2, axis=3))


def test_the_rate_rises_to_its_peak_and_ends_at_zero() -> None:
    rates = [learning_rate(SCHEDULE, step) for step in range(101)]
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == pytest.approx(1e-3, rel=0.03)
    assert rates.index(max(rates)) == 9
    assert rates[55] == pytest.approx(1e-3 * 0.5 * (1 + math.cos(math.pi * 0.55)))
    assert rates[100] == 0.0


def test_training_lowers_the_loss_on_one_batch() -> None:
    learner = small_learner()
    batch = random_batch(2)
    losses = [learner.step(batch, step) for step in range(50)]
    assert losses[-1] < 0.9 * losses[0]


def test_the_squared_loss_takes_over_late() -> None:
    learner = small_learner()
    batch = random_batch(3)
    with torch.no_grad():
        error = learner.network(torch.from_numpy(batch.degraded) / 255) - (
            torch.from_numpy(batch.truth) / 255
        )
    late = learner.step(batch, 99)
    assert late == pytest.approx(30 * float(error.square().mean()), rel=1e-4)
    assert float(PIXEL_LOSSES["absolute"](error)) == pytest.approx(float(error.abs().mean()))


def test_slopes_are_held_in_zero_to_one() -> None:
    network = FSRCNN(scale=2)
    torch.nn.init.normal_(network.expand[1].weight, std=3)
    hold_slopes(network)
    slopes = network.expand[1].weight.detach()
    assert float(slopes.min()) == 0.0
    assert float(slopes.max()) == 1.0


def test_a_step_holds_the_slopes() -> None:
    learner = small_learner()
    with torch.no_grad():
        learner.network.expand[1].weight.fill_(1.7)
    learner.step(random_batch(6), 0)
    assert float(learner.network.expand[1].weight.detach().max()) == 1.0


def test_the_smallest_slopes_become_zero_between_large_convolutions_alone() -> None:
    torch.manual_seed(1)
    network = FSRCNN(scale=2, features=8, shrunk=8, mappings=2)
    slopes = torch.tensor([0.9, 0.1, 0.2, 0.8, 0.3, 0.05, 0.0, 0.4])
    between = network.mapping[1]
    between.load_state_dict({"weight": slopes})
    schedule = dataclasses.replace(SCHEDULE, relu_share=0.75)
    learner = new_learner(network, copy.deepcopy(network), schedule)
    learner.step(random_batch(6), 0)
    for held in (between, learner.average.mapping[1]):
        assert held.weight.detach().nonzero().flatten().tolist() == [0, 3]
    assert relu_channels(learner.average) == (6, 40)
    for prelu in (network.feature[1], network.shrink[1], network.mapping[3], network.expand[1]):
        assert bool(prelu.weight.detach().all())


def test_the_average_follows_the_weights_with_the_stated_decay() -> None:
    learner = small_learner(Schedule(steps=10_000, batch=2, patch=8, learning_rate=1e-3))
    with torch.no_grad():
        learner.network.feature[0].weight.add_(1.0)
    before = copy.deepcopy(learner.average.state_dict())
    learner.step(random_batch(4), 9_000)
    after, weights = learner.average.state_dict(), learner.network.state_dict()
    key = "feature.0.weight"
    expected = 0.999 * before[key] + 0.001 * weights[key]
    torch.testing.assert_close(after[key], expected, atol=1e-6, rtol=0)
    assert float((after[key] - before[key]).min()) > 9e-4


def test_a_loss_that_is_not_finite_leaves_the_weights_alone() -> None:
    learner = small_learner()
    with torch.no_grad():
        learner.network.upsample.bias.fill_(math.inf)
    before = copy.deepcopy(learner.network.state_dict())
    assert math.isnan(learner.step(random_batch(5), 0))
    for name, tensor in learner.network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_gradients_that_are_not_finite_show_in_the_next_step() -> None:
    learner = small_learner()
    learner.network.upsample.bias.register_hook(lambda gradient: gradient * math.nan)
    assert math.isfinite(learner.step(random_batch(5), 0))
    assert math.isnan(learner.step(random_batch(5), 1))


def test_the_rate_can_fall_in_steps() -> None:
    schedule = dataclasses.replace(SCHEDULE, decay="step", milestones=(0.5, 0.8))
    rates = [learning_rate(schedule, step) for step in (4, 49, 50, 79, 80, 99)]
    assert rates == pytest.approx([5e-4, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_the_rate_can_stay() -> None:
    schedule = dataclasses.replace(SCHEDULE, decay="constant")
    assert [learning_rate(schedule, step) for step in (4, 9, 99)] == [5e-4, 1e-3, 1e-3]


def test_the_losses_are_what_their_names_say() -> None:
    difference = torch.tensor([0.3, -0.4])
    assert float(PIXEL_LOSSES["absolute"](difference)) == pytest.approx(0.35)
    assert float(PIXEL_LOSSES["squared"](difference)) == pytest.approx(30 * (0.09 + 0.16) / 2)
    small = torch.tensor([0.0, 1e-3])
    assert float(PIXEL_LOSSES["charbonnier"](small)) == pytest.approx(1e-3 * (1 + 2**0.5) / 2)


def test_psnr_counts_a_decibel_of_every_image_the_same() -> None:
    easy, hard = torch.full((1, 1, 4, 4), 0.02), torch.full((1, 1, 4, 4), 0.2)
    error = PIXEL_LOSSES["psnr"]
    both = float(error(torch.cat([easy, hard])))
    better = [float(error(torch.cat(pair))) for pair in ((easy / 2, hard), (easy, hard / 2))]
    assert both - better[1] == pytest.approx(math.log(2), abs=0.01)  # half of 2 ln 2
    assert better[0] == pytest.approx(better[1], abs=0.04)
    assert pixel_loss_at(dataclasses.replace(SCHEDULE, loss="psnr"), 99) == "psnr"


def test_at_first_only_the_last_layer_learns_where_the_schedule_asks_for_it() -> None:
    learner = small_learner(dataclasses.replace(SCHEDULE, head_until=0.1))
    before = copy.deepcopy(learner.network.state_dict())
    for step in range(10):
        learner.step(random_batch(7), step)
    changed = {k for k, v in learner.network.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"upsample.weight", "upsample.bias"}
    learner.step(random_batch(7), 10)
    assert not torch.equal(learner.network.feature[0].weight, before["feature.0.weight"])


def test_a_share_of_the_loss_is_on_luma() -> None:
    gray, colourful = torch.full((1, 3, 2, 2), 0.1), torch.zeros(1, 3, 2, 2)
    colourful[:, 2] = 0.1  # blue alone, which luma hardly has
    error = PIXEL_LOSSES["absolute"]
    assert float(shared_loss(error, gray, 0.8)) == pytest.approx(0.1)
    expected = 0.8 * 0.1 * 0.114 + 0.2 * 0.1 / 3
    assert float(shared_loss(error, colourful, 0.8)) == pytest.approx(expected)
    assert float(shared_loss(error, gray[:, :1], 0.8)) == pytest.approx(0.1)
