"""Losses of colour, content and roughness, critics, and the sums that papers make of them."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch import nn

from edge_imgq.errors import ModelError
from edge_imgq.models.zoo import weights_path, zoo_entry
from edge_imgq.train.critics import PatchCritic, TextureCritic, gradient_penalty
from edge_imgq.train.features import VGG, content_loss, load_features
from edge_imgq.train.learner import ALONE, Learner, new_learner
from edge_imgq.train.losses import colour_loss, total_variation
from edge_imgq.train.objective import Critic, coarse_loss, new_objective
from edge_imgq.train.patches import Batch
from edge_imgq.train.schedule import Schedule

SCHEDULE = Schedule(steps=100, batch=2, patch=16, learning_rate=1e-3, warmup=1)


def photo(seed: int, side: int = 32) -> torch.Tensor:
    coarse = torch.rand(1, 3, side // 4, side // 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, scale_factor=4.0, mode="bilinear")


def test_colour_hardly_minds_a_shift_and_minds_a_cast() -> None:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    shifted, cast = image.roll(2, dims=3), image + torch.tensor([0.1, 0.0, 0.0]).reshape(1, 3, 1, 1)
    assert float((shifted - image).square().mean()) > 10 * float((cast - image).square().mean())
    assert float(colour_loss(shifted, image)) < float(colour_loss(cast, image))


def test_colour_is_compared_under_scipys_gaussian() -> None:
    one, two = photo(1).numpy(), photo(2).numpy()
    blurred = gaussian_filter(one - two, (0, 0, 3.0, 3.0), truncate=3.0)[..., 9:-9, 9:-9]
    ours = colour_loss(torch.from_numpy(one), torch.from_numpy(two))
    assert float(ours) == pytest.approx(float(np.mean(blurred**2)), rel=1e-4)


def test_total_variation_is_the_mean_square_of_steps_between_neighbours() -> None:
    image = torch.tensor([[0.0, 1.0], [0.0, 3.0]])[None, None]
    assert float(total_variation(image)) == pytest.approx((0 + 4) / 2 + (1 + 9) / 2)


def test_content_is_what_the_features_see() -> None:
    features = load_features(None)
    image = photo(3)
    noisy = image + 0.1 * torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    assert float(content_loss(features, image, image)) == 0.0
    assert float(content_loss(features, noisy, image)) > 0.01
    gray = image.mean(dim=1, keepdim=True)
    assert float(content_loss(features, gray, gray)) == 0.0
    assert not any(parameter.requires_grad for parameter in features.parameters())


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_the_weights_of_vgg19_are_taken_as_torchvision_writes_them(
    tmp_path: Path, suffix: str
) -> None:
    torch.manual_seed(1)
    published = VGG()
    state = {**published.state_dict(), "classifier.0.weight": torch.zeros(2, 2)}
    # The numbers that torchvision gives the 16 convolutions.
    numbers = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
    assert {f"features.{number}.weight" for number in numbers} <= state.keys()
    path = tmp_path / f"vgg19.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    image = photo(4)
    assert torch.equal(load_features(path)(image), published.eval()(image))


def test_a_file_without_features_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg.pth"
    path.write_bytes(b"no")
    with pytest.raises(ModelError, match="holds no weights of a feature network"):
        load_features(path)
    torch.save([1, 2], path)
    with pytest.raises(ModelError, match="holds no state dict, but a list"):
        load_features(path)
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "part.safetensors")
    with pytest.raises(ModelError, match="does not hold the weights of VGG-19"):
        load_features(tmp_path / "part.safetensors")
    with pytest.raises(ModelError, match="is not a checkpoint that `edge-imgq train` wrote"):
        load_features(weights_path("jpeg-slim"))


def test_code_in_a_file_of_features_is_not_run(tmp_path: Path) -> None:
    class Malice:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "was-here",)

    torch.save({"features.0.weight": Malice()}, tmp_path / "vgg.pth")
    with pytest.raises(ModelError):
        load_features(tmp_path / "vgg.pth")
    assert not (tmp_path / "was-here").exists()


def test_dpeds_critic_judges_grayscale_and_has_the_published_layers() -> None:
    critic = TextureCritic(100)
    image = torch.rand(2, 3, 100, 100)
    swapped = image.clone()
    swapped[:, 0] += 0.114 * 0.1
    swapped[:, 2] -= 0.299 * 0.1
    assert critic(image).shape == (2, 1)
    torch.testing.assert_close(critic(swapped), critic(image), atol=1e-4, rtol=0)
    kernels = [m.kernel_size[0] for m in critic.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [11, 5, 3, 3, 3]


def test_the_gradient_penalty_is_that_of_a_critic_whose_slope_is_known() -> None:
    class Sum(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return 3.0 * image[:, :1, :1, :1]

    one, two = torch.rand(2, 4, 3, 8, 8)
    penalty = gradient_penalty(Sum(), one, two, torch.rand(4, 1, 1, 1))
    assert float(penalty) == pytest.approx((3.0 - 1.0) ** 2)


def test_a_patch_critic_sees_70_pixels() -> None:
    critic = PatchCritic(3, width=8)
    image = torch.rand(1, 3, 140, 140, requires_grad=True)
    answer = critic(image)
    answer[0, 0, answer.shape[2] // 2, answer.shape[3] // 2].backward()
    assert image.grad is not None
    seen = image.grad.abs().sum(dim=(0, 1, 3)) > 0
    assert int(seen.sum()) == 70


def composite_learner(loss: str, model: str = "dped-slim") -> Learner:
    torch.manual_seed(1)
    network = zoo_entry(model).build()
    schedule = dataclasses.replace(SCHEDULE, loss=loss, patch=32)
    objective = new_objective(schedule, 3, 32, None, ALONE, torch.device("cpu"))
    return new_learner(network, copy.deepcopy(network), schedule, ALONE, objective)


def batch(seed: int = 1) -> Batch:
    truth = (torch.cat([photo(seed), photo(seed + 1)]) * 255).to(torch.uint8).numpy()
    return Batch((truth * 0.7).astype(np.uint8), truth)


@pytest.mark.parametrize("loss", ["dped", "deblurgan"])
def test_both_the_network_and_its_critic_learn(loss: str) -> None:
    learner = composite_learner(loss)
    critic = learner.objective.critic
    assert isinstance(critic, Critic)
    before = [copy.deepcopy(n.state_dict()) for n in (learner.network, critic.network)]
    learner.step(batch(), 0)
    for network, old in zip((learner.network, critic.network), before, strict=True):
        assert any(not torch.equal(v, old[k]) for k, v in network.state_dict().items())
    # What the network learned from did not run into the critic.
    assert all(parameter.grad is not None for parameter in learner.network.parameters())


@pytest.mark.parametrize(("loss", "steps", "share"), [("dped", 15, 0.7), ("deblurgan", 4, 0.9)])
def test_the_sum_brings_the_picture_nearer_to_the_truth(
    loss: str, steps: int, share: float
) -> None:
    learner = composite_learner(loss)
    one = batch()
    image, truth = (torch.from_numpy(pixels) / 255.0 for pixels in (one.degraded, one.truth))
    with torch.no_grad():
        first = float((learner.network(image) - truth).square().mean())
    for step in range(steps):
        learner.step(one, step)
    with torch.no_grad():
        assert float((learner.network(image) - truth).square().mean()) < share * first


def test_a_critic_learns_to_tell_true_from_restored() -> None:
    schedule = dataclasses.replace(SCHEDULE, loss="dped")
    objective = new_objective(schedule, 3, 32, None, ALONE, torch.device("cpu"))
    assert objective.critic is not None
    sharp = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    flat = sharp.mean(dim=(2, 3), keepdim=True).expand(-1, -1, 32, 32)
    for step in range(10):
        objective.critic.learn(flat, sharp, step)
    answers = objective.critic.network
    assert float(answers(sharp).min()) > float(answers(flat).max())


def test_every_size_of_a_coarse_to_fine_network_is_judged() -> None:
    schedule = dataclasses.replace(SCHEDULE, squared_from=1.0)
    truth = torch.rand(1, 3, 16, 16)
    half, quarter = F.avg_pool2d(truth, 2), F.avg_pool2d(truth, 4)
    assert float(coarse_loss((half, quarter), truth, schedule, 0)) == pytest.approx(0.0, abs=1e-6)
    off = coarse_loss((half + 0.1, quarter + 0.3), truth, schedule, 0)
    assert float(off) == pytest.approx((0.1 + 0.3) / 2, abs=1e-5)


@pytest.mark.parametrize("levels", [2, 3])
def test_a_new_coarse_to_fine_network_returns_its_input_at_every_size(levels: int) -> None:
    network = zoo_entry(f"deblur-slim-k{levels}").build()
    image = torch.rand(1, 3, 32, 48)
    outputs = network.forward_levels(image)
    assert [output.shape[-1] for output in outputs] == [48 >> level for level in range(levels)]
    for output in outputs:
        assert torch.equal(output, image)
        image = F.avg_pool2d(image, 2)


def test_all_networks_of_a_coarse_to_fine_one_learn() -> None:
    torch.manual_seed(2)
    network = zoo_entry("deblur-slim-k3").build()
    learner = new_learner(network, copy.deepcopy(network), SCHEDULE)
    before = copy.deepcopy(network.state_dict())
    learner.step(batch(), 50)
    names = {
        k.split(".")[1] for k, v in network.state_dict().items() if not torch.equal(v, before[k])
    }
    assert names == {"0", "1", "2"}
