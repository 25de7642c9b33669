"""Networks of several inputs or other channels: every target against the person's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import edge_imgq
from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError, UsageError
from edge_imgq.images.files import write_image
from edge_imgq.skipped import Skipped
from tests.port_networks import (
    from_burst,
    from_frames,
    from_mosaic,
    to_colours,
    with_mask,
    with_noise_map,
    with_strength,
)

pytestmark = pytest.mark.usefixtures("small_patches")

SIDE = 32
FLOAT = ("onnx-float", "tflite-float", "coreml-fp16", "ncnn-float")
INT8 = ("onnx-int8", "tflite-int8", "coreml-int8")
NETWORKS = {
    "noise-map": with_noise_map,
    "mask": with_mask,
    "strength": with_strength,
    "mosaic": from_mosaic,
    "burst": from_burst,
    "frames": from_frames,
    "colours": to_colours,
}
EVERYWHERE = ("noise-map", "strength")
FEW_TARGETS = ["onnx-float", "tflite-int8", "coreml-int8"]
SETTINGS = {"noise-map": {"sigma": "25/255"}, "strength": {"strength": 0.5}}


@pytest.fixture(scope="module", params=NETWORKS)
def exported(
    request: pytest.FixtureRequest, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> edge_imgq.ModelResult:
    folder, targets = tmp_path_factory.mktemp(request.param), [*FLOAT, *INT8]
    if request.param not in EVERYWHERE:
        targets = FEW_TARGETS
    return edge_imgq.export(
        NETWORKS[request.param](folder / f"{request.param}.onnx"),
        targets=targets,
        calibration=photos / "calibration",
        images=photos / "evaluation",
        sizes=(SIDE, SIDE),
        scheme="int8-fast",
        output=folder / "artifacts",
        bench=False,
    )


def test_every_target_takes_what_the_network_takes(exported: edge_imgq.ModelResult) -> None:
    report = exported.report
    found = {target.target: target for target in report.targets}
    wanted = {*FLOAT, *INT8} if report.model in EVERYWHERE else set(FEW_TARGETS)
    assert set(found) == wanted, (report.failed, report.not_run)
    assert not isinstance(report.original, Skipped), report.original
    for name, target in found.items():
        least = 38 if name in INT8 else 55 if name == "coreml-fp16" else 80
        assert target.vs_reference.worst > least, (name, target.vs_reference)


def test_a_photograph_is_enhanced_with_what_a_person_sets(
    exported: edge_imgq.ModelResult, tmp_path: Path
) -> None:
    name = exported.report.model
    photo = np.random.default_rng(5).integers(0, 256, (48, 64, 3), np.uint8)
    settings = dict(SETTINGS.get(name, {}))
    if name == "mask":
        write_image(tmp_path / "mask.png", np.full((48, 64, 1), 255, np.uint8))
        settings = {"mask": str(tmp_path / "mask.png")}
    wanted = edge_imgq.enhance(photo, exported.folder / "onnx-float.onnx", settings=settings)
    found = edge_imgq.enhance(photo, exported.folder / "tflite-int8.tflite", settings=settings)
    assert wanted.shape == found.shape == (48, 64, 3)
    assert np.abs(wanted.astype(int) - found).mean() < 4


def test_a_burst_takes_the_mosaic_of_each_frame(tmp_path: Path) -> None:
    path = from_burst(tmp_path / "burst.onnx")
    model = edge_imgq.open(path)
    assert (model.contract.layout, model.contract.frames) == ("raw", 5)
    photo = np.random.default_rng(6).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    colours = photo.astype(np.float32) / 255
    mosaic = [
        colours[::2, ::2, 0], colours[::2, 1::2, 1], colours[1::2, ::2, 1], colours[1::2, 1::2, 2]
    ]  # fmt: skip
    (own,) = onnxruntime.InferenceSession(path).run(None, {"burst": np.stack(mosaic * 5)[None]})
    wanted = np.rint(own[0].transpose(1, 2, 0) * 255).clip(0, 255)
    assert np.abs(edge_imgq.enhance(photo, model) - wanted).max() <= 1


def test_channels_that_frames_of_a_mosaic_or_of_colours_may_have_go_by_the_name(
    tmp_path: Path,
) -> None:
    import onnx

    for name, kind, frames in (("clip", "frames", 4), ("bayer", "raw", 3)):
        made = onnx.load(from_burst(tmp_path / "burst.onnx"))
        made.graph.input[0].name = made.graph.node[0].input[0] = name
        made.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 12
        (weights,) = (tensor for tensor in made.graph.initializer if tensor.name == "w")
        array = onnx.numpy_helper.to_array(weights)[:, :12]
        weights.CopyFrom(onnx.numpy_helper.from_array(array, "w"))
        onnx.save(made, tmp_path / f"{name}.onnx")
        contract = edge_imgq.open(tmp_path / f"{name}.onnx").contract
        assert (contract.layout, contract.frames, contract.channels) == (kind, frames, 12)


def test_a_noise_level_changes_what_onnx_runtime_says_it_does(tmp_path: Path) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    model = edge_imgq.open(path)
    (port,) = model.contract.further
    assert (port.kind, port.low, port.high) == ("plane", (0.0,), (75 / 255,))
    photo = np.random.default_rng(6).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    (own,) = onnxruntime.InferenceSession(path).run(
        None,
        {
            "image": photo.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255,
            "sigma": np.full((1, 1, SIDE, SIDE), 15 / 255, np.float32),
        },
    )
    got = edge_imgq.enhance(photo, model, settings={"sigma": "15/255"})
    wanted = np.rint(own[0].transpose(1, 2, 0) * 255).clip(0, 255)
    assert np.abs(got - wanted).max() <= 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, r"more than the photograph: sigma=NUMBER \(0 to 0.2941\)"),
        (
            {"sigma": 25},
            r"from 0 to 0.2941; say another range \(--input sigma=plane:0..25\) for 25",
        ),
        ({"sigma": 25}, "levels of 255, say --set sigma=25/255"),
        ({"sigma": 0.5}, r"--input sigma=plane:0..1\) for 0.5\.$"),
        ({"sigma": 0.1, "mask": 1}, "has no input 'mask' to set; it takes 'sigma'"),
    ],
)
def test_what_is_set_wrongly_is_refused(
    tmp_path: Path, settings: dict[str, float | str], words: str
) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    with pytest.raises(UsageError, match=words):
        edge_imgq.enhance(np.zeros((SIDE, SIDE, 3), np.uint8), path, settings=settings)


def test_kinds_and_ranges_that_a_person_says_are_taken(tmp_path: Path) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    said = edge_imgq.open(path, inputs=["sigma=mask:0..50/255"]).contract.further[0]
    assert (said.kind, said.high) == ("mask", (50 / 255,))
    with pytest.raises(UsageError, match="no input 'mask'; it takes 'sigma' and 'image'"):
        edge_imgq.open(path, inputs=["mask=mask"])
    with pytest.raises(ModelError, match="'image' of 3 channels, and what a photograph becomes"):
        edge_imgq.open(path, inputs=["image=raw"])


def test_a_constant_is_a_number_or_what_the_command_line_takes(tmp_path: Path) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    chosen = [edge_imgq.open(path, bind={"sigma": n}).contract for n in ("15/255", 15 / 255)]
    assert chosen[0] == chosen[1]
    assert chosen[0].port_choices == ("bound: sigma = 0.0588",)
    for wrong in ("loud", None, [], float("nan")):
        with pytest.raises(UsageError, match="is not a number"):
            edge_imgq.open(path, bind={"sigma": wrong})
    far = edge_imgq.open(path, bind={"sigma": 15}, inputs=["sigma=plane:0..15"])
    assert far.contract.port_choices == ("bound: sigma = 15",)


@pytest.mark.parametrize("exported", ["noise-map"], indirect=True)
def test_a_file_s_range_is_said_to_be_that_of_its_export(exported: edge_imgq.ModelResult) -> None:
    photo = np.zeros((SIDE, SIDE, 3), np.uint8)
    with pytest.raises(UsageError, match=r"'sigma' was exported for .*; export the model"):
        edge_imgq.enhance(photo, exported["onnx-float"], settings={"sigma": 25})


def test_an_input_that_is_not_there_is_told_all_inputs_that_are(tmp_path: Path) -> None:
    path = with_noise_map(tmp_path / "noise.onnx")
    with pytest.raises(UsageError, match="no input 'foo'; it takes 'sigma' and 'image'"):
        edge_imgq.open(path, bind={"sigma": 0.1, "foo": 2})


def test_a_note_says_all_of_it(exported: edge_imgq.ModelResult) -> None:
    contract: ImageContract = edge_imgq.open_file(exported.folder / "tflite-int8.tflite").contract
    assert contract == replace(exported.report.contract, multiple=contract.multiple)
