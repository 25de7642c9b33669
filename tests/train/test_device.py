"""Where a network learns: the choice, and that nothing of a step is left on the processor.

No GPU is needed: the device "meta" stands for one; it has shapes and no values.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from edge_imgq.errors import RuntimeUnavailableError, UsageError
from edge_imgq.models.zoo import zoo_entry
from edge_imgq.train import device as devices
from edge_imgq.train.config import TrainConfig
from edge_imgq.train.device import choose_device, in_precision, training_device
from edge_imgq.train.learner import ALONE, Learner, new_learner, outputs_of
from edge_imgq.train.learner_state import restore_learner
from edge_imgq.train.loop import train
from edge_imgq.train.objective import new_objective
from edge_imgq.train.patches import Batch
from edge_imgq.train.schedule import Schedule

META = torch.device("meta")
SCHEDULE = Schedule(steps=10, batch=2, patch=32, learning_rate=1e-3, bfloat16_until=0)


class OneDevice(TorchDispatchMode):
    """Refuse operators on tensors of several devices, but for copies from one to another."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        devices = {leaf.device for leaf in leaves if leaf.dim()}
        assert len(devices) <= 1 or "copy" in str(func), (str(func), devices)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("wanted", "gpus", "rank", "chosen"),
    [
        ("auto", 0, 0, "cpu"),
        ("auto", 0, 3, "cpu"),
        ("auto", 1, 0, "cuda:0"),
        ("auto", 4, 3, "cuda:3"),
        ("cuda", 2, 1, "cuda:1"),
        ("cpu", 2, 1, "cpu"),
        ("cpu", 0, 0, "cpu"),
    ],
)
def test_a_gpu_is_taken_where_there_is_one_and_each_process_has_its_own(
    wanted, gpus: int, rank: int, chosen: str
) -> None:
    assert choose_device(wanted, gpus=gpus, rank=rank) == torch.device(chosen)


def test_a_gpu_that_is_not_there_is_an_error_of_its_own() -> None:
    with pytest.raises(RuntimeUnavailableError, match="PyTorch sees no GPU here"):
        choose_device("cuda", gpus=0)


@pytest.mark.parametrize("wanted", ["auto", "cuda"])
def test_more_processes_than_gpus_are_refused(wanted) -> None:
    with pytest.raises(UsageError, match=r"Process 3 of this machine has no GPU: there are 2"):
        choose_device(wanted, gpus=2, rank=2)


def test_torchruns_number_of_a_process_on_its_machine_decides(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert training_device("auto") == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert training_device("auto") == torch.device("cuda:1")


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_bfloat16_is_left_out_on_a_gpu_that_has_none(monkeypatch) -> None:
    one = torch.ones(2, 2)
    with in_precision(torch.device("cpu"), "bfloat16"):
        assert (one @ one).dtype == torch.bfloat16
    with in_precision(torch.device("cpu"), "float32"):
        assert (one @ one).dtype == torch.float32
    gpu = torch.device("cuda", 0)
    for has, kind in ((True, torch.autocast), (False, devices.nullcontext)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=has: has)
        assert isinstance(in_precision(gpu, "bfloat16"), kind)


@pytest.mark.parametrize("loss", ["absolute", "psnr", "dped", "deblurgan"])
@pytest.mark.parametrize("name", ["dped-slim", "deblur-slim-k2", "abpn-x2"])
def test_no_tensor_of_a_step_stays_on_the_processor(name: str, loss, monkeypatch) -> None:
    schedule = dataclasses.replace(SCHEDULE, loss=loss, luma_share=0.5)
    entry = zoo_entry(name)
    network = entry.build().to(META)
    objective = new_objective(schedule, 3, 32 * entry.scale, None, ALONE, META)
    plain = torch.optim.Adam(network.parameters())  # the fused one needs values
    learner = Learner(network, network, plain, schedule, outputs_of(network), objective)
    if objective.critic is not None:  # whose optimiser needs values too
        monkeypatch.setattr(objective.critic.optimiser, "step", lambda: None)
    truth = np.zeros((2, 3, 32 * entry.scale, 32 * entry.scale), np.uint8)
    with OneDevice():
        value = learner.loss(Batch(truth[:, :, :32, :32], truth), 3)
        assert value.device == META
        value.backward()
    assert all(parameter.grad.device == META for parameter in network.parameters())


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_the_moments_of_a_checkpoint_come_to_where_the_weights_are() -> None:
    network = zoo_entry("espcn-x2").build()
    learner = new_learner(network, zoo_entry("espcn-x2").build(), SCHEDULE)
    low, high = (np.zeros((2, 1, side, side), np.uint8) for side in (32, 64))
    learner.step(Batch(low, high), 0)
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in network.state_dict().items()}
    for key, parameter in network.named_parameters():
        for moment, value in learner.optimiser.state[parameter].items():
            tensors[f"adam.{moment}.{key}"] = value
    elsewhere = zoo_entry("espcn-x2").build().to(META)
    optimiser = torch.optim.Adam(elsewhere.parameters())
    other = dataclasses.replace(learner, network=elsewhere, optimiser=optimiser)
    restore_learner(other, tensors, None)
    moments = [value for state in optimiser.state.values() for value in state.values()]
    assert len(moments) == 3 * len(list(elsewhere.parameters()))
    assert {value.device for value in moments} == {META}


def test_a_run_says_that_there_is_no_gpu(tmp_path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    config = TrainConfig("espcn-x2", (tmp_path,), tmp_path / "run", SCHEDULE, device="cuda")
    with pytest.raises(RuntimeUnavailableError, match="sees no GPU"):
        train(config, lambda progress: None)


@pytest.mark.parametrize(
    ("capabilities", "has"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_vnni": True, "avx512_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"neon": True, "arm_bf16": True}, True),
        ({}, False),
    ],
)
def test_bfloat16_is_taken_by_itself_where_the_processor_has_it(
    capabilities, has: bool, monkeypatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    schedule, cpu = dataclasses.replace(SCHEDULE, bfloat16_until=0.7), torch.device("cpu")
    assert devices.schedule_on(cpu, schedule, "auto").bfloat16_until == (0.7 if has else 0.0)
    assert devices.schedule_on(cpu, schedule, "bfloat16") == schedule
    assert devices.schedule_on(cpu, schedule, "float32").bfloat16_until == 0


def test_bfloat16_is_taken_by_itself_where_the_gpu_does_not_emulate_it(monkeypatch) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    schedule, gpu = dataclasses.replace(SCHEDULE, bfloat16_until=0.7), torch.device("cuda", 0)
    assert devices.schedule_on(gpu, schedule, "auto").bfloat16_until == 0
    assert devices.schedule_on(gpu, schedule, "bfloat16") == schedule
