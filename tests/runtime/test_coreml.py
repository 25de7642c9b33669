"""Opening Core ML packages: what runs them here, and what is said of those that cannot run."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.export.coreml.lower import save
from edge_imgq.graph.network import Network, Operation, Tensor
from edge_imgq.images.layout import pixels_of
from edge_imgq.ports import Port
from edge_imgq.runtime import coreml
from edge_imgq.runtime.coreml import open_session
from edge_imgq.runtime.mil.package import open_package
from edge_imgq.runtime.protocol import FloatSession

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="a Mac runs Core ML itself")

RGB = ImageContract("photo-enhancement", 1, "rgb")
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


def colours(size: tuple[int, int] = (6, 10), extra: tuple[Operation, ...] = ()) -> Network:
    """Return a network that makes red from blue, green half as bright, and blue from red."""
    matrix = np.array([[0, 0, 1], [0, 0.5, 0], [1, 0, 0]], np.float32).reshape(3, 3, 1, 1)
    image = Tensor("x", (1, 3, *size))
    between = Tensor("y", (1, 3, *size))
    weight = Tensor("w", matrix.shape, None, matrix)
    first = Operation("Conv", "mix", (image, weight), (between,), {})
    last = extra[-1].output if extra else between
    return Network("colours", (image,), (last,), (first, *extra))


def brighter() -> Network:
    """Return a network that triples green, and makes all colours 100 levels darker."""
    matrix = np.array([[0, 0, 1], [0, 3, 0], [1, 0, 0]], np.float32).reshape(3, 3, 1, 1)
    image, between = Tensor("x", (1, 3, 6, 10)), Tensor("y", (1, 3, 6, 10))
    weight = Tensor("w", matrix.shape, None, matrix)
    bias = Tensor("b", (3,), None, np.full(3, -100 / 255, np.float32))
    mix = Operation("Conv", "mix", (image, weight, bias), (between,), {})
    return Network("brighter", (image,), (between,), (mix,))


def written(path: Path, network: Network | None = None, contract: ImageContract = RGB) -> Path:
    save(network or colours(), FileNote("colours", "coreml-fp16", contract, "0.1"), path)
    return path


def pixels(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_channels_keep_their_order_and_levels(tmp_path: Path) -> None:
    session = open_session(written(tmp_path / "m.mlpackage"))
    image = pixels(6, 10)
    result = session.run(image)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[..., 0], image[..., 2])
    np.testing.assert_array_equal(result[..., 2], image[..., 0])
    np.testing.assert_array_equal(result[..., 1], np.rint(image[..., 1] / 2).astype(np.uint8))


def test_the_session_says_that_no_device_ran_it(tmp_path: Path) -> None:
    session = open_session(written(tmp_path / "m.mlpackage"), threads=2)
    assert session.identity.name == "reference evaluator"
    assert session.identity.version == "9.0"
    assert session.identity.threads == 2
    assert not session.identity.is_device_runtime
    assert session.note.model == "colours"
    assert session.size == (6, 10)


def test_a_convolution_runs_at_another_size(tmp_path: Path) -> None:
    session = open_session(written(tmp_path / "m.mlpackage"))
    assert session.resizable
    assert session.run(pixels(21, 5)).shape == (21, 5, 3)
    said = "reference evaluator 9.0 (at any size; Core ML takes 6x10 alone)"
    assert str(session.identity) == said
    session.prepare((6, 10))()


def test_a_file_with_a_fixed_size_says_so(tmp_path: Path) -> None:
    between, cut = Tensor("y", (1, 3, 6, 10)), Tensor("z", (1, 3, 6, 5))
    half = Tensor("h", (1, 3, 6, 5))
    split = Operation("Split", "halves", (between,), (cut, half), {"axis": 3})
    joined = Tensor("j", (1, 3, 6, 10))
    concat = Operation("Concat", "joined", (half, cut), (joined,), {"axis": 3})
    session = open_session(written(tmp_path / "m.mlpackage", colours(extra=(split, concat))))
    assert not session.resizable
    assert str(session.identity) == "reference evaluator 9.0"
    assert session.run(pixels(6, 10)).shape == (6, 10, 3)
    with pytest.raises(ModelError, match=r"takes images of \(6, 10\).*--size"):
        session.run(pixels(12, 20))


def remove_manifest(path: Path) -> None:
    (path / "Manifest.json").unlink()


def damage_manifest(path: Path) -> None:
    (path / "Manifest.json").write_text("{")


def remove_model(path: Path) -> None:
    (path / "Data/com.apple.CoreML/model.mlmodel").unlink()


def cut_model(path: Path) -> None:
    file = path / "Data/com.apple.CoreML/model.mlmodel"
    file.write_bytes(file.read_bytes()[:-200])


def remove_all(path: Path) -> None:
    shutil.rmtree(path)


def replace_by_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("not a package")


NUMBERS = replace(RGB, result=Port("y", "plane", 3))


def test_numbers_are_not_clipped_to_pixels(tmp_path: Path) -> None:
    session = open_session(written(tmp_path / "m.mlpackage", brighter(), NUMBERS))
    assert isinstance(session, FloatSession)
    image = pixels(6, 10)
    wanted = image[..., ::-1] * np.array([1, 3, 1]) - 100.0
    np.testing.assert_allclose(session.levels(image), wanted, atol=0.5)
    np.testing.assert_array_equal(session.run(image), pixels_of(session.levels(image)))


def test_a_macs_core_ml_returns_numbers_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = open_package(written(tmp_path / "m.mlpackage", brighter(), NUMBERS))
    values = np.linspace(-2, 3, 180, dtype=np.float32).reshape(1, 3, 6, 10)

    class Loaded:
        def __init__(self, path: str, compute_units: object) -> None:
            assert path == str(package.path)

        def predict(self, fed: dict[str, Image.Image]) -> dict[str, np.ndarray]:
            (image,) = fed.values()
            assert image.size == (10, 6)
            return {package.model.description.output[0].name: values}

    fake = SimpleNamespace(
        models=SimpleNamespace(MLModel=Loaded), ComputeUnit=SimpleNamespace(ALL=None)
    )
    monkeypatch.setattr(coreml, "coremltools", lambda: fake)
    session = coreml.DeviceNumbers(package)
    wanted = values[0].transpose(1, 2, 0) * 255.0
    np.testing.assert_allclose(session.levels(pixels(6, 10)), wanted, rtol=1e-6)
    np.testing.assert_array_equal(session.run(pixels(6, 10)), pixels_of(wanted))


def test_a_picture_has_no_levels_beyond_its_pixels(tmp_path: Path) -> None:
    assert not isinstance(open_session(written(tmp_path / "m.mlpackage")), FloatSession)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (remove_all, "There is no Core ML package at"),
        (replace_by_file, "is not a Core ML package"),
        (remove_manifest, "is not a Core ML package"),
        (damage_manifest, "is damaged"),
        (remove_model, "is not whole"),
        (cut_model, "damaged or truncated"),
    ],
)
def test_a_damaged_package_gets_a_sentence(
    damage: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "m.mlpackage")
    damage(path)
    with pytest.raises(ModelError, match=sentence) as caught:
        open_session(path)
    assert "m.mlpackage" in str(caught.value)


def test_missing_weights_are_noticed(tmp_path: Path) -> None:
    weight = Tensor("v", (3, 3, 3, 3), None, np.ones((3, 3, 3, 3), np.float32))
    between, result = Tensor("y", (1, 3, 6, 10)), Tensor("z", (1, 3, 6, 10))
    operation = Operation("Conv", "more", (between, weight), (result,), {"pads": (1, 1, 1, 1)})
    path = written(tmp_path / "m.mlpackage", colours(extra=(operation,)))
    file = path / WEIGHTS
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ModelError, match=r"weight\.bin does not hold"):
        open_session(path)


def test_a_package_of_somebody_else_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "m.mlpackage")
    manifest = json.loads((path / "Manifest.json").read_text())
    item = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
    file = path / "Data" / item["path"]
    file.write_bytes(file.read_bytes().replace(b"edge_imgq.model", b"other_app.model"))
    with pytest.raises(ModelError, match="does not say what its pixels mean"):
        open_session(path)


def test_a_gray_image_has_one_channel(tmp_path: Path) -> None:
    image, result = Tensor("x", (1, 1, 6, 10)), Tensor("y", (1, 1, 6, 10))
    network = Network(
        "gray", (image,), (result,), (Operation("Relu", "r", (image,), (result,), {}),)
    )
    gray = ImageContract("super-resolution", 1, "y", peak=255.0)
    session = open_session(written(tmp_path / "m.mlpackage", network, gray))
    levels = pixels(6, 10)[..., :1]
    np.testing.assert_array_equal(session.run(levels), levels)
