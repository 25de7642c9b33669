"""Whole runs, tiny: resume, interruption, log, errors."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from edge_imgq.errors import ModelError, OutputError, UsageError
from edge_imgq.images.files import write_image
from edge_imgq.train.checkpoint import load_checkpoint_network, read_checkpoint
from edge_imgq.train.config import TrainConfig
from edge_imgq.train.loop import train
from edge_imgq.train.phases import same_until
from edge_imgq.train.progress import TrainingProgress
from edge_imgq.train.publish import publish_weights
from edge_imgq.train.schedule import Schedule

SCHEDULE = Schedule(steps=10, batch=2, patch=12, learning_rate=1e-3, warmup=3, versions=2)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), dtype=np.uint8)
        write_image(folder / f"{seed}.png", pixels)
    return folder


def configure(photos: Path, output: Path, model: str = "fsrcnn-x2", **changes) -> TrainConfig:
    options = {"validation": photos, "validate_every": 1, **changes}
    return TrainConfig(model=model, data=(photos,), output=output, schedule=SCHEDULE, **options)


def ignore(progress: TrainingProgress) -> None:
    """Take no notice."""


def interrupt_at(step: int):
    """Press Ctrl-C when the run reports a step."""

    def press(progress: TrainingProgress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return press


def equal_files(one: Path, two: Path) -> bool:
    first, second = load_file(one), load_file(two)
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("model", ["fsrcnn-x2", "dped-slim", "deblur-slim"])
@pytest.mark.parametrize("stop", [1, 6, 9])
def test_a_run_stopped_anywhere_and_continued_ends_with_the_same_weights(
    photos: Path, tmp_path: Path, model: str, stop: int
) -> None:
    whole = train(configure(photos, tmp_path / "whole", model), ignore)
    with pytest.raises(KeyboardInterrupt):
        train(configure(photos, tmp_path / "parts", model), interrupt_at(stop))
    assert read_checkpoint(tmp_path / "parts" / "checkpoint.safetensors")[0].step == stop
    parts = train(configure(photos, tmp_path / "parts", model), ignore)
    assert (whole.step, parts.step) == (10, 10)
    assert equal_files(whole.checkpoint, parts.checkpoint)
    assert parts.validation_psnr == whole.validation_psnr


@pytest.mark.parametrize("loss", ["dped", "deblurgan"])
def test_a_run_with_a_critic_continues_with_it(photos: Path, tmp_path: Path, loss: str) -> None:
    schedule = dataclasses.replace(SCHEDULE, steps=4, patch=32, loss=loss)

    def configured(name: str) -> TrainConfig:
        config = configure(photos, tmp_path / name, "dped-slim", validation=None)
        return dataclasses.replace(config, schedule=schedule)

    whole = train(configured("whole"), ignore)
    with pytest.raises(KeyboardInterrupt):
        train(configured("parts"), interrupt_at(2))
    assert equal_files(whole.checkpoint, train(configured("parts"), ignore).checkpoint)


def test_a_killed_run_continues_from_its_last_checkpoint(photos: Path, tmp_path: Path) -> None:
    class Killed(BaseException):
        """Nothing catches it, as nothing catches SIGKILL."""

    def kill(progress: TrainingProgress) -> None:
        if progress.step == 5:
            raise Killed

    config = configure(photos, tmp_path / "killed", checkpoint_minutes=0.0)
    with pytest.raises(Killed):
        train(config, kill)
    assert read_checkpoint(tmp_path / "killed" / "checkpoint.safetensors")[0].step == 4
    continued = train(config, ignore)
    whole = train(configure(photos, tmp_path / "whole"), ignore)
    assert equal_files(whole.checkpoint, continued.checkpoint)


def test_ctrl_c_leaves_a_whole_checkpoint_and_nothing_half_written(
    photos: Path, tmp_path: Path
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(configure(photos, tmp_path), interrupt_at(3))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint.safetensors",
        "log.jsonl",
    ]
    assert signal.getsignal(signal.SIGINT) is before
    assert load_checkpoint_network(tmp_path / "checkpoint.safetensors")[0] == "fsrcnn-x2"


def test_a_full_disk_leaves_the_last_checkpoint_whole(photos: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    config = configure(photos, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(config, interrupt_at(3))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        with pytest.raises(OutputError, match=r"checkpoint\.safetensors could not be written"):
            train(config, ignore)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_checkpoint(tmp_path / "checkpoint.safetensors")[0].step == 3
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "log.jsonl"}


def test_a_full_disk_is_told_in_a_sentence(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_rest: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for method, file in (("open", "log.jsonl"), ("write_bytes", "checkpoint.safetensors")):
        with monkeypatch.context() as patch:
            patch.setattr(Path, method, full)
            with pytest.raises(OutputError) as refused:
                train(configure(photos, tmp_path / method, checkpoint_minutes=0.0), ignore)
        start = f"{tmp_path / method / file} could not be written: the disk is full ("
        assert str(refused.value).startswith(start)
        assert "Errno" not in str(refused.value)


def test_progress_and_log_tell_the_same_story(photos: Path, tmp_path: Path) -> None:
    seen: list[TrainingProgress] = []
    result = train(configure(photos, tmp_path, validate_every=4), seen.append)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 10]
    validated = [p for p in seen if p.validation_psnr is not None]
    assert [p.validation_psnr for p in validated] == [line["validation_psnr"] for line in lines]
    assert lines[-1]["validation_psnr"] == result.validation_psnr
    assert validated[0].pixels_per_second > 0
    assert (seen[-1].step, seen[-1].steps) == (10, 10)


def test_without_validation_images_there_is_no_psnr(photos: Path, tmp_path: Path) -> None:
    config = configure(photos, tmp_path, validation=None)
    result = train(config, ignore)
    assert result.validation_psnr is None
    log = (tmp_path / "log.jsonl").read_text()
    assert log
    assert "null" not in log
    train(config, ignore)  # resumed after its last step
    assert (tmp_path / "log.jsonl").read_text() == log


def test_the_threads_and_the_random_state_of_the_caller_are_left_as_they_were(
    photos: Path, tmp_path: Path
) -> None:
    torch.manual_seed(99)
    before, state = torch.get_num_threads(), torch.random.get_rng_state()
    train(configure(photos, tmp_path, threads=2), ignore)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_broken_image_is_named_in_the_result(photos: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for path in photos.iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    (data / "torn.png").write_bytes((data / "0.png").read_bytes()[:500])
    result = train(configure(data, tmp_path / "run", validation=None), ignore)
    assert [one.path.name for one in result.left_out] == ["torn.png"]


def test_a_checkpoint_is_the_network_with_averaged_weights(photos: Path, tmp_path: Path) -> None:
    result = train(configure(photos, tmp_path), ignore)
    name, network = load_checkpoint_network(result.checkpoint)
    tensors = load_file(result.checkpoint)
    assert name == "fsrcnn-x2"
    assert not network.training
    for key, value in network.state_dict().items():
        assert torch.equal(value, tensors[f"average.{key}"])
    assert any(not torch.equal(v, tensors[f"network.{k}"]) for k, v in network.state_dict().items())


def test_published_weights_are_plain_and_say_what_they_are(photos: Path, tmp_path: Path) -> None:
    result = train(configure(photos, tmp_path), ignore)
    publish_weights(result.checkpoint, tmp_path / "w.safetensors", 31.416)
    weights = load_file(tmp_path / "w.safetensors")
    network = load_checkpoint_network(result.checkpoint)[1]
    assert weights.keys() == network.state_dict().keys()
    with safe_open(tmp_path / "w.safetensors", framework="pt") as file:
        assert file.metadata() == {"model": "fsrcnn-x2", "step": "10", "psnr": "31.42"}


def test_continuing_with_other_options_is_refused(photos: Path, tmp_path: Path) -> None:
    config = configure(photos, tmp_path)
    train(config, ignore)
    other = dataclasses.replace(config, schedule=dataclasses.replace(SCHEDULE, steps=20))
    with pytest.raises(UsageError, match=r"another schedule \(steps 10\).*--from .*checkpoint"):
        train(other, ignore)
    with pytest.raises(UsageError, match="is of fsrcnn-x2; choose another output folder"):
        train(dataclasses.replace(config, model="dped-slim"), ignore)


def test_a_phones_colours_are_no_matter_for_a_network_on_luma(photos: Path, tmp_path: Path) -> None:
    config = configure(photos, tmp_path)
    dull = dataclasses.replace(SCHEDULE, then=("phone",))
    with pytest.raises(UsageError, match="fsrcnn-x2 works on luma"):
        train(dataclasses.replace(config, schedule=dull), ignore)


def test_a_run_at_a_constant_rate_can_be_given_more_steps(photos: Path, tmp_path: Path) -> None:
    constant = dataclasses.replace(SCHEDULE, decay="constant", steps=16)
    shorter = dataclasses.replace(constant, steps=10)
    config = configure(photos, tmp_path / "parts")
    train(dataclasses.replace(config, schedule=shorter), ignore)
    parts = train(dataclasses.replace(config, schedule=constant), ignore)
    other = configure(photos, tmp_path / "whole")
    whole = train(dataclasses.replace(other, schedule=constant), ignore)
    assert parts.step == 16
    assert equal_files(whole.checkpoint, parts.checkpoint)


@pytest.mark.parametrize(("more", "possible"), [(40, True), (61, False)])
def test_a_run_in_steps_can_be_given_more_before_its_first_fall(more: int, possible: bool) -> None:
    one = dataclasses.replace(
        SCHEDULE, steps=100, decay="step", milestones=(0.5,), squared_from=1.0, bfloat16_until=0.0
    )
    assert same_until(one, dataclasses.replace(one, steps=140), more) is possible
    assert not same_until(one, dataclasses.replace(one, batch=4), 1)


def test_damaged_and_foreign_checkpoints_are_refused(photos: Path, tmp_path: Path) -> None:
    config = configure(photos, tmp_path)
    path = train(config, ignore).checkpoint
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="not a whole checkpoint"):
        train(config, ignore)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="is not a checkpoint"):
        load_checkpoint_network(path)
    with pytest.raises(ModelError, match="not a whole checkpoint"):
        load_checkpoint_network(tmp_path / "missing.safetensors")


def test_a_pickle_is_not_a_checkpoint(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    torch.save({"average": Trap()}, tmp_path / "trap.safetensors")
    with pytest.raises(ModelError):
        load_checkpoint_network(tmp_path / "trap.safetensors")
    assert not (tmp_path / "executed").exists()


def test_a_diverging_run_stops_with_its_step(photos: Path, tmp_path: Path) -> None:
    wild = dataclasses.replace(SCHEDULE, learning_rate=1e30, warmup=1)
    with pytest.raises(ModelError, match=r"not finite at step \d+"):
        train(
            dataclasses.replace(configure(photos, tmp_path, validation=None), schedule=wild), ignore
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"patch": 14}, "multiple of 4"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"relu_share": 1.5}, "share of ReLU must be 0 to 1, not 1.5"),
    ],
)
def test_options_out_of_range_are_named(
    photos: Path, tmp_path: Path, change: dict[str, float], message: str
) -> None:
    schedule = dataclasses.replace(SCHEDULE, **change)
    config = dataclasses.replace(configure(photos, tmp_path, "deblur-slim"), schedule=schedule)
    with pytest.raises(UsageError, match=message):
        train(config, ignore)


def test_no_data_an_empty_folder_and_an_output_that_is_a_file_are_refused(
    photos: Path, tmp_path: Path
) -> None:
    config = configure(photos, tmp_path / "out")
    with pytest.raises(UsageError, match="--data"):
        train(dataclasses.replace(config, data=()), ignore)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no image"):
        train(dataclasses.replace(config, data=(tmp_path / "empty",)), ignore)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file, not a folder"):
        train(dataclasses.replace(config, output=tmp_path / "file"), ignore)
