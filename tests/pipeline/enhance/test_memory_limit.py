"""Workers and memory: the same results, in smaller tiles, several at once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_imgq.errors import OutputError
from edge_imgq.pipeline.enhance.enhance import EnhanceRequest, enhance
from edge_imgq.pipeline.enhance.enhancer import Enhancer, open_enhancer
from edge_imgq.pipeline.enhance.memory_limit import activation_bytes, limits
from edge_imgq.pipeline.progress import ProgressStep

MB = 10**6


@pytest.fixture(scope="module")
def network() -> Enhancer:
    return open_enhancer("fsrcnn-s-x2", threads=1)


@pytest.fixture
def jobs(tmp_path: Path) -> tuple[tuple[Path, Path], ...]:
    rng = np.random.default_rng(3)
    for name, width in (("a", 300), ("b", 40), ("c", 90)):
        pixels = rng.integers(0, 256, (270, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return tuple((tmp_path / f"{n}.png", tmp_path / "out" / f"{n}.png") for n in "abc")


def digests(jobs: tuple[tuple[Path, Path], ...]) -> list[str]:
    return [hashlib.sha256(result.read_bytes()).hexdigest() for _, result in jobs]


def test_several_at_once_give_the_same_files(jobs: tuple[tuple[Path, Path], ...]) -> None:
    request, steps = EnhanceRequest(jobs, ("fsrcnn-s-x2",), 2), []
    assert len(enhance(request, steps.append).written) == 3
    one = digests(jobs)
    batch = enhance(replace(request, workers=2), steps.append)
    assert digests(jobs) == one
    assert [Path(image.path).stem for image in batch.written] == ["a", "b", "c"]
    assert [step.done for step in steps if step.what == "enhance photographs"] == [0, 1, 2]


def test_a_limit_of_memory_makes_tiles_smaller_and_leaves_out_what_is_too_large(
    jobs: tuple[tuple[Path, Path], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = EnhanceRequest(jobs, ("fsrcnn-s-x2",), 2)
    enhance(request, lambda _step: None)
    whole, totals = digests(jobs), set()
    monkeypatch.setattr(f"{enhance.__module__}.resident_bytes", lambda: 100 * MB)

    def watch(step: ProgressStep) -> None:
        totals.add(step.total)

    batch = enhance(replace(request, memory=112 * MB), watch)
    assert not batch.failed
    assert max(totals) > 1  # tiles of photographs that were given whole before
    assert digests(jobs) == whole
    batch = enhance(replace(request, memory=105 * MB), lambda _step: None)
    assert [Path(image.path).stem for image in batch.written] == ["b", "c"]
    (said,) = batch.failed
    assert "a.png: its 270x300 pixels (height x width) need about 10" in said
    assert said.endswith("and --memory allows 105.0 MB.")


def test_what_fits_decides_on_tiles_and_then_on_workers(network: Enhancer) -> None:
    size, held = (4000, 6000), 200 * MB
    every = [limits([size], [network], held, memory * MB, 4) for memory in (900, 1800, 5000)]
    assert [found.workers for found in every] == [1, 2, 4]
    tight = limits([size, (30, 30)], [network], held, 600 * MB, 4)
    assert tight.left_out.keys() == {size}
    # The planes of a network of 32 channels in float32, in and out of a layer.
    assert activation_bytes(network) == pytest.approx(2 * 4 * 32, rel=0.1)


def test_one_that_cannot_be_written_stops_the_others(
    jobs: tuple[tuple[Path, Path], ...],
) -> None:
    jobs[0][1].mkdir(parents=True)
    request = EnhanceRequest(jobs, ("fsrcnn-s-x2",), 2, workers=2)
    with pytest.raises(OutputError, match=r"a\.png cannot be written"):
        enhance(request, lambda _step: None)
    assert not [path for path in jobs[0][1].parent.iterdir() if ".part" in path.name]
