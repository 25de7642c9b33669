"""`open`: the same network from wherever it comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import edge_imgq as eiq
from edge_imgq.errors import UsageError
from tests.api.conftest import SIZE, Residual
from tests.port_networks import with_noise_map

pytestmark = pytest.mark.usefixtures("torch_operators")


def run(model: onnx.ModelProto, image: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]


def test_a_module_computes_as_torch_does_at_any_size(model: eiq.Model, network: nn.Module) -> None:
    assert network.training  # as it was before
    assert model.name == "residual"
    assert model.sizes == (SIZE,)
    assert model.contract == eiq.ImageContract("image-to-image", 1, "rgb")
    assert model.parameters == sum(weight.numel() for weight in network.parameters())
    image = torch.rand(1, 3, 30, 50)
    with torch.no_grad():
        np.testing.assert_allclose(run(model.onnx(), image), network(image).numpy(), atol=1e-5)


def test_files_bytes_and_protos_are_the_same_model(model: eiq.Model, tmp_path: Path) -> None:
    path = tmp_path / "my own model.onnx"
    onnx.save(model.onnx(), path)
    found = [eiq.open(path), eiq.open(str(path)), eiq.open(path.read_bytes(), name="mine")]
    found += [eiq.open(onnx.load(path)), eiq.open(onnx.load(path), name="x")]
    assert [m.name for m in found[:3]] == ["my own model", "my own model", "mine"]
    assert found[4].name == "x"
    assert len({m.onnx().graph.SerializeToString(deterministic=True) for m in found}) == 1
    assert eiq.open(found[0]) is found[0]


def test_an_example_may_be_an_image_in_the_range_of_the_module() -> None:
    torch.manual_seed(7)
    image = np.arange(24 * 32 * 3).astype(np.uint8).reshape(24, 32, 3)
    model = eiq.open(Residual(), example=image, pixel_range=(-1, 1), name="signed")
    assert model.sizes == ((24, 32),)
    assert model.pixel_range == eiq.PixelRange(-1, 1)
    # Inside, pixels are 0 to 1: y = (f(2x - 1) + 1) / 2.
    x = torch.rand(1, 3, 24, 32)
    torch.manual_seed(7)
    with torch.no_grad():
        wanted = (Residual()(2 * x - 1) + 1) / 2
    np.testing.assert_allclose(run(model.onnx(), x), wanted.numpy(), atol=1e-5)


def test_a_network_that_ships_opens_by_name_and_says_what_it_is() -> None:
    model = eiq.open("fsrcnn-x2")
    assert str(model) == "fsrcnn-x2: super-resolution ×2 on luma, 12.8 k parameters"
    assert model._repr_html_() == f"<p>{model}</p>"
    assert (model.sizes, model.contract.scale, model.contract.colour) == ((), 2, "y")


EXAMPLE = torch.rand(1, 3, 16, 16)


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        ("fsrcnn-x5", {}, "fsrcnn-x2"),
        ("gone.onnx", {}, "There is no model at gone.onnx"),
        (b"nothing", {}, "'model' is not a whole, valid ONNX model"),
        (3, {}, "A int is not a model: give a name, a path"),
        (Residual(), {}, "Residual is a torch module: give an example of its input too"),
        (Residual(), {"example": EXAMPLE[0]}, r"of shape \(3, 16, 16\); give floats \(1, chan"),
        (Residual(), {"example": EXAMPLE.numpy()}, "the example is float32 of shape"),
        (Residual(), {"example": EXAMPLE, "name": "a/b"}, "'a/b' cannot be a model's name"),
        ("fsrcnn-x2", {"name": "x"}, "leave `name` and `example` out"),
        ("fsrcnn-x2", {"sizes": (180,)}, r"\(180,\) is not a size; give \(height"),
        ("fsrcnn-x2", {"pixel_range": (1, 0)}, r"\(1, 0\) is not a range of pixels"),
        (nn.Flatten(2), {"example": EXAMPLE}, "flatten.* returns 'enhanced' of shape 1×3×"),
    ],
)
def test_what_cannot_be_opened_is_an_error_with_a_sentence(
    words: object, options: dict, said: str
) -> None:
    with pytest.raises(eiq.EdgeImgqError, match=said):
        eiq.open(words, **options)


def test_what_is_said_of_ports_holds_for_a_model_in_memory(tmp_path: Path) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    photo = np.random.default_rng(4).integers(0, 256, (32, 32, 3), np.uint8)
    wanted = eiq.enhance(photo, path, bind={"sigma": "15/255"})
    given = eiq.enhance(photo, path.read_bytes(), bind={"sigma": "15/255"})
    np.testing.assert_array_equal(given, wanted)
    made = eiq.export(
        path.read_bytes(),
        targets="onnx-float",
        sizes=(32, 32),
        bind={"sigma": "15/255"},
        bench=False,
        output=tmp_path / "out",
    )
    assert made.report.contract.further == ()


@pytest.mark.parametrize("said", [{"bind": {"sigma": 0.1}}, {"pixel_range": 255}])
def test_nothing_more_is_said_of_a_model_that_is_open(tmp_path: Path, said: dict) -> None:
    model = eiq.open(with_noise_map(tmp_path / "noise.onnx"))
    photo = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(UsageError, match="noise is open already: give its range, its inputs"):
        eiq.enhance(photo, model, settings={"sigma": 0.1}, **said)
    with pytest.raises(UsageError, match="noise is open already"):
        eiq.export(model, targets="onnx-float", output=tmp_path / "out", **said)


def test_inputs_and_settings_are_texts_or_mappings(tmp_path: Path) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    said = [["sigma=plane:0..50/255"], "sigma=plane:0..50/255", {"sigma": "plane:0..50/255"}]
    opened = [eiq.open(path, inputs=one) for one in said]
    assert opened[0].contract.further[0].high == (50 / 255,)
    assert len({model.contract for model in opened}) == 1
    photo = np.random.default_rng(4).integers(0, 256, (32, 32, 3), np.uint8)
    found = [
        eiq.enhance(photo, path, settings={"sigma": value})
        for value in (15 / 255, "15/255", [15 / 255], np.float32(15 / 255))
    ]
    assert all((one == found[0]).all() for one in found)
    with pytest.raises(UsageError, match="None is not a number for 'sigma'"):
        eiq.enhance(photo, path, settings={"sigma": None})
