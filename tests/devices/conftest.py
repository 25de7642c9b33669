"""Exported networks of the zoo, for tests on devices."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import pytest
from PIL import Image

from edge_imgq.cli.main import main
from edge_imgq.images.files import read_rgb
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from tests.conftest import CHECKOUT
from tests.small_models import tiny_model

TARGETS = ("onnx-int8", "tflite-float", "tflite-int8")
NETWORKS = ("fsrcnn-x2", "dped-slim", "deblur-slim")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what needs a device, or an emulator of one, to `make devices`."""
    if "device" in config.getoption("markexpr"):
        return
    for item in items:
        if item.get_closest_marker("device"):
            item.add_marker(pytest.mark.skip(reason="`make devices` runs it"))


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the three default networks, as int8 for ONNX Runtime and for LiteRT."""
    output = tmp_path_factory.mktemp("zoo")
    for name in NETWORKS:
        words = ("export", name, "--target", *TARGETS, "--output", str(output))
        assert main([*words, "--json"]) == 0
    return output


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small network, as int8 and float TFLite, with two photographs."""
    folder = tmp_path_factory.mktemp("small")
    onnx.save(tiny_model(), folder / "tiny.onnx")
    for kind, cut in (("calibration", 0), ("evaluation", 90)):
        (folder / kind).mkdir()
        for image in read_manifest(default_manifest(Path("/nowhere")))[:2]:
            pixels = read_rgb(image_path(image))[100 + cut : 160 + cut, 100:180]
            Image.fromarray(pixels).save(folder / kind / f"{image.name}.png")
    words = ["export", folder / "tiny.onnx", "--target", *TARGETS[1:], "--size", "48x64"]
    words += ["--calibration", folder / "calibration", "--images", folder / "evaluation"]
    assert main([*map(str, words), "--output", str(folder), "--json"]) in (0, 1)
    return folder


@pytest.fixture
def benchmark_model(tmp_path: Path) -> Path:
    """Return the stand-in for LiteRT's program, ready to be run by this machine's shell."""
    script = tmp_path / "benchmark_model"
    module = Path(__file__).with_name("stand_in.py")
    script.write_text(f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} {module} "$@"\n')
    script.chmod(0o755)
    return script
