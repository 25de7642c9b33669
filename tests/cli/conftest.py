"""A tiny network, a few small photographs, and one export of them that many tests look at."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from edge_imgq.cli import progress
from edge_imgq.cli.main import main
from edge_imgq.cli.schemas import schema_path
from edge_imgq.images.files import read_rgb
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest
from tests.graph.build import proto_model

Run = Callable[..., "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command in this process; what it says does not depend on how long it takes."""
    monkeypatch.setattr(progress, "PATIENCE", 3600.0)

    def run_command(*words: object) -> Outcome:
        try:
            code = main([str(word) for word in words])
        except SystemExit as error:  # argparse exits by itself
            code = int(str(error.code))
        captured = capsys.readouterr()
        if "--json" in words and captured.out:
            validate(str(words[0]), captured.out)
        return Outcome(code, captured.out, captured.err)

    yield run_command
    logging.disable(logging.NOTSET)


def validate(command: str, text: str) -> None:
    """Hold what a command printed to its published schema, or an error to that of errors."""
    form = json.loads(text)
    is_error = isinstance(form, dict) and set(form) == {"error", "exit_code"}
    schema = json.loads(schema_path("error" if is_error else command).read_text())
    jsonschema.validate(form, schema)


@pytest.fixture(scope="module", autouse=True)
def quick_quantization(small_patches: None) -> None:
    """Quantize on patches as small as the photographs here."""


def whole_model(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Any], **options: Any
) -> onnx.ModelProto:
    """Return a model that states the rank of its output, as files must; see `proto_model`."""
    model = proto_model(nodes, constants, **options)
    shape = (None, None, None, None)
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, shape)
    )
    return model


def tiny_model(weight: float = 1.0) -> onnx.ModelProto:
    """Return a network that nearly copies its image: 3×3 and 1×1 convolutions, ReLU, an addition.

    Args:
        weight: factor on the weights of the first convolution.
    """
    rng = np.random.default_rng(3)
    first = rng.normal(0, 0.1, (8, 3, 3, 3)).astype(np.float32) * np.float32(weight)
    last = rng.normal(0, 0.1, (3, 8, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["image", "c"], ["out"]),
    ]
    return whole_model(nodes, {"w1": first, "w2": last})


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny network as a file."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    onnx.save(tiny_model(), path)
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `calibration/` and `evaluation/`: cuts of the manifest's photographs."""
    folder = tmp_path_factory.mktemp("photos")
    for image in read_manifest(default_manifest(Path("/nowhere"))):
        (folder / image.split).mkdir(exist_ok=True)
        pixels = read_rgb(image_path(image))[100:160, 100:180]
        Image.fromarray(pixels).save(folder / image.split / f"{image.name}.png")
    return folder


@pytest.fixture(scope="session")
def exporting(tiny: Path, photos: Path) -> tuple[object, ...]:
    """Return the words of a quick export; `--output` is left to the test."""
    calibration, evaluation = photos / "calibration", photos / "evaluation"
    return (
        *("export", tiny, "--size", "48x64", "--target", "onnx", "tflite"),
        *("--calibration", calibration, "--images", evaluation),
    )


@pytest.fixture(scope="session")
def shared_export(exporting: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model's folder that `export` wrote; read it, do not change it."""
    output = tmp_path_factory.mktemp("artifacts")
    assert main([*map(str, exporting), "--output", str(output), "--json"]) in (0, 1)
    return output / "tiny"


@pytest.fixture
def exported(shared_export: Path, tmp_path: Path) -> Path:
    """Return a copy of an exported model's folder."""
    return Path(shutil.copytree(shared_export, tmp_path / "exported" / "tiny"))


CARD = """# tiny

## Data

| set | images | used for | terms |
|---|---|---|---|
| Our own | 12 | training | ours |

## Training
| a | b | c | d |
"""

STATED = ("--author", "A. Person", "--license", "CC-BY-4.0", "--model-version", "3")


@pytest.fixture(scope="session")
def shared_bundle(shared_export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of the int8 TFLite file; read it, do not change it."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "card.md").write_text(CARD)
    words = ["bundle", str(shared_export), "--target", "tflite-int8", *STATED]
    words += ["--card", str(folder / "card.md"), "-o", str(folder / "app")]
    assert main(words) == 0
    return folder / "app"


@pytest.fixture
def bundled(shared_bundle: Path, tmp_path: Path) -> Path:
    """Return a copy of a bundle."""
    return Path(shutil.copytree(shared_bundle, tmp_path / "app"))
