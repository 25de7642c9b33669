"""What a person says of ports is obeyed, or refused by what the network is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import edge_imgq
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.ports import Port
from tests.port_networks import from_mosaic, to_colours, with_noise_map, with_strength

SIDE = 32


@pytest.mark.parametrize(
    ("network", "said", "words"),
    [
        (with_noise_map, "image=image:0..7", r"'image' is what becomes .* say it with --range"),
        (from_mosaic, "raw=raw:0..7", r"'raw' is what becomes .* leave it out of --input raw=raw"),
        (with_noise_map, "sigma=vector", "'sigma' has a height and a width: it is a plane"),
        (with_noise_map, "sigma=image", "'sigma' has 1 of the 3 channels that a photograph has"),
        (with_strength, "strength=plane", "'strength' has no height and width: it is a vector"),
        (with_strength, "strength=raw", "is for what becomes of the photograph, and that is"),
        (with_noise_map, "sigma", "'sigma' states nothing about that input; write NAME=KIND"),
    ],
)
def test_an_input_that_is_said_to_be_what_it_is_not_is_refused(
    tmp_path: Path, network: Callable[[Path], Path], said: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        edge_imgq.open(network(tmp_path / "m.onnx"), inputs=[said])


def test_two_things_said_of_one_input_are_refused(tmp_path: Path) -> None:
    path = with_noise_map(tmp_path / "m.onnx")
    with pytest.raises(UsageError, match="The input 'sigma' is described twice"):
        edge_imgq.open(path, inputs=["sigma=plane:0..1", "sigma=mask"])


@pytest.mark.parametrize(
    ("network", "said", "words"),
    [
        (with_noise_map, "out=vector", "'out' has a height and a width: it is an image or plane"),
        (with_noise_map, "out=raw", "no kind of output: these are image, plane, vector and state"),
        (to_colours, "out=image", "'out' has 2 channels, and an image has 1 or 3: it is a plane"),
    ],
)
def test_an_output_that_is_said_to_be_what_it_is_not_is_refused(
    tmp_path: Path, network: Callable[[Path], Path], said: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        edge_imgq.open(network(tmp_path / "m.onnx"), output_name=said)


def test_two_inputs_that_are_both_said_to_become_of_the_photograph_are_refused(
    tmp_path: Path,
) -> None:
    path = with_noise_map(tmp_path / "m.onnx")
    with pytest.raises((UsageError, ModelError), match="becom"):
        edge_imgq.open(path, inputs=["image=frames", "sigma=raw"])


def test_a_range_of_a_picture_that_comes_out_is_that_of_its_numbers(tmp_path: Path) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    model = edge_imgq.open(path, output_name="out=image:-1..3", bind={"sigma": "15/255"})
    assert model.contract.result == Port("out", "image", 3, (-1.0,), (3.0,))
    assert edge_imgq.open(path, output_name="out=image:0..1").contract.result is None
    photo = np.random.default_rng(6).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    (own,) = onnxruntime.InferenceSession(path).run(
        None,
        {
            "image": photo.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255,
            "sigma": np.full((1, 1, SIDE, SIDE), 15 / 255, np.float32),
        },
    )
    wanted = np.rint((own[0].transpose(1, 2, 0) + 1) / 4 * 255).clip(0, 255)
    assert np.abs(edge_imgq.enhance(photo, model) - wanted).max() <= 1
