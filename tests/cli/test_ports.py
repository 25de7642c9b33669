"""Options that say what a network takes and returns, as a person writes them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.images.files import read_rgb, write_image
from tests.cli.conftest import Run
from tests.port_networks import from_mosaic, with_noise_map


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return with_noise_map(tmp_path / "noise.onnx")


def test_a_level_that_is_bound_and_one_that_is_set_give_the_same_image(
    run: Run, network: Path, photos: Path, tmp_path: Path
) -> None:
    photo = photos / "evaluation" / "chelsea.png"
    words = {"bound": ("--bind", "sigma=15/255"), "set": ("--set", "sigma=15/255")}
    for name, said in words.items():
        made = run("enhance", photo, "--model", network, *said, "-o", tmp_path / name)
        assert made.code == 0, made.err
    bound, given = (read_rgb(tmp_path / name / "chelsea.png") for name in words)
    assert np.abs(bound.astype(int) - given).max() <= 1
    assert (bound != read_rgb(photo)).any()


def test_a_page_shows_what_a_mosaic_gives_of_an_odd_photograph(run: Run, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (41, 61, 3), np.uint8)
    write_image(tmp_path / "odd.png", pixels)
    words = ("--output", tmp_path / "out", "--page", tmp_path / "page.html")
    made = run("enhance", tmp_path / "odd.png", "--model", from_mosaic(tmp_path / "m.onnx"), *words)
    assert made.code == 0, made.err
    assert read_rgb(tmp_path / "out" / "odd.png").shape == (40, 60, 3)
    assert (tmp_path / "page.html").is_file()


def test_inspect_takes_the_same_words(run: Run, network: Path) -> None:
    shown = run("inspect", network, "--input", "sigma=plane:0..50/255", "--size", "32x32")
    assert shown.code == 0, shown.err
    refused = run("inspect", network, "--bind", "strength=1", "--size", "32x32")
    assert "no input 'strength'; it takes 'sigma' and 'image'" in " ".join(refused.err.split())


def test_inspect_shows_what_is_left_of_a_model_and_who_takes_it(run: Run, network: Path) -> None:
    bound = run("inspect", network, "--bind", "sigma=15/255", "--size", "32x32")
    assert bound.code == 0, bound.err
    assert "input image:" in bound.out
    assert "input sigma:" not in bound.out
    whole = " ".join(run("inspect", network, "--size", "32x32").out.split())
    assert "not coreai-float16, coreai-int8, for Input 'sigma': a Core AI file here" in whole
    assert "coreml-int8" in whole.partition("can write ")[2].partition(" not ")[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--input", "sigma=wave"), "'sigma=wave' is not a port; write NAME=KIND:LOW..HIGH"),
        (("--bind", "sigma"), "'sigma' binds nothing; write NAME=NUMBER"),
        (("--bind", "sigma=15"), "'sigma' is bound to 15, and reaches 0 to 0.2941"),
        (("--set", "sigma"), "'sigma' sets nothing; write NAME=VALUE"),
        (("--bind", "sigma=0.1", "--bind", "sigma=0.2"), "--bind: 'sigma' has two values"),
        (("--set", "sigma=0.1", "--set", "sigma=0.1"), "--set: 'sigma' has two values"),
        (("--input", "sigma=mask", "--input", "sigma=plane"), "is described twice"),
        ((), "takes more than the photograph: sigma=NUMBER (0 to 0.2941)"),
    ],
)
def test_words_that_say_nothing_are_refused(
    run: Run, network: Path, photos: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    photo = photos / "evaluation" / "chelsea.png"
    refused = run("enhance", photo, "--model", network, "-o", tmp_path / "out", *words)
    assert refused.code == 2
    assert said in " ".join(refused.err.split())


@pytest.mark.parametrize(
    "words",
    [
        ("--set", "sigma=0.1"),
        ("--bind", "sigma=0.1"),
        ("--input", "sigma=plane:0..1"),
        ("--output-name", "out"),
        ("--range", "255"),
    ],
)
def test_what_is_said_of_a_model_that_assess_chooses_is_refused(
    run: Run, photos: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    photo = photos / "evaluation" / "chelsea.png"
    refused = run("enhance", photo, "--auto", "-o", tmp_path / "out", *words)
    assert refused.code == 2
    assert f"{words[0]} describes a model of yours" in " ".join(refused.err.split())
    assert not (tmp_path / "out").exists()


def test_files_that_were_exported_say_themselves_what_they_take(
    run: Run, network: Path, photos: Path, tmp_path: Path
) -> None:
    words = ("--target", "tflite-float", "onnx-float", "--size", "32x32", "--no-bench")
    assert run("export", network, *words, "--output", tmp_path).code == 0
    for name in ("tflite-float.tflite", "onnx-float.onnx"):
        file = tmp_path / "noise" / name
        photo = photos / "evaluation" / "chelsea.png"
        for command in (("inspect", file), ("enhance", photo, "--model", file, "-o", tmp_path)):
            refused = run(*command, "--bind", "sigma=0.1")
            assert refused.code == 2
            assert "states its own inputs and outputs" in " ".join(refused.err.split())


def test_an_int8_file_of_several_sizes_is_given_a_plane_that_is_bound(
    run: Run, network: Path, tmp_path: Path
) -> None:
    words = ("--target", "tflite-int8", "--size", "32x48,48x32", "--bind", "sigma=15/255")
    made = run("export", network, *words, "--no-bench", "--output", tmp_path / "out")
    assert made.code == 0, made.err
    assert "(bound: sigma = 0.0588)" in " ".join(made.out.split())
    folder = tmp_path / "out" / "noise"
    shown = run("inspect", folder / "tflite-int8.tflite")
    assert "signatures: h32_w48, h48_w32" in shown.out
    assert "(bound: sigma = 0.0588)" in " ".join(shown.out.split())


def test_a_bundle_says_what_was_bound_and_how_to_bind_it_again(
    run: Run, network: Path, tmp_path: Path
) -> None:
    words = ("--target", "tflite-float", "--size", "32x48", "--bind", "sigma=15/255")
    made = run("export", network, *words, "--no-bench", "--output", tmp_path / "out")
    assert made.code == 0, made.err
    bundle = tmp_path / "app"
    assert run("bundle", tmp_path / "out" / "noise", "--output", bundle).code == 0
    assert "bound: sigma = 0.0588" in (bundle / "README.md").read_text()
    contract = json.loads((bundle / "contract.json").read_text())
    assert contract["port_choices"] == ["bound: sigma = 0.0588"]
    script = (bundle / "make-again.sh").read_text()
    assert hashlib.sha256(network.read_bytes()).hexdigest() in script
    (tmp_path / "edge-imgq").write_text(f'#!/bin/sh\nexec {sys.executable} -m edge_imgq "$@"\n')
    (tmp_path / "edge-imgq").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    again = subprocess.run(
        ["sh", bundle / "make-again.sh"],
        env={**os.environ, "PATH": path, "MODEL": str(network)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert "every file of the bundle is the same, byte for byte" in again.stdout
