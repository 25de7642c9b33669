"""Ports that recipes say give the files that the options of a command give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import edge_imgq
from edge_imgq.artifact import sha256_of
from edge_imgq.errors import EdgeImgqError, RecipeError
from edge_imgq.ports import PortRequests, read_bound, read_port
from edge_imgq.recipe.export import ExportRecipe
from edge_imgq.recipe.folders import export_recipes
from tests.port_networks import with_noise_map

SAID = PortRequests((read_port("out"),), (read_bound("sigma=15/255"),))
OPTIONS = {"output_name": "out", "bind": {"sigma": "15/255"}}


def recipes(*ports: PortRequests) -> list[ExportRecipe]:
    names = ("onnx-float", "tflite-float")[: len(ports)]
    found = {recipe.name: recipe for recipe in export_recipes()}
    return [replace(found[name], ports=said) for name, said in zip(names, ports, strict=True)]


def exported(model: object, folder: Path, targets: object, **options: object) -> dict[str, str]:
    made = edge_imgq.export(
        model, targets=targets, sizes=(32, 48), output=folder, bench=False, **options
    )
    files = {path.name: sha256_of(path) for path in made.folder.glob("*.*") if path.is_file()}
    del files["report.json"]
    return files


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return with_noise_map(tmp_path / "noise.onnx")


def test_files_are_the_same_byte_for_byte(network: Path, tmp_path: Path) -> None:
    wanted = exported(network, tmp_path / "flags", ["onnx-float", "tflite-float"], **OPTIONS)
    assert set(wanted) == {"onnx-float.onnx", "tflite-float.tflite"}
    said = recipes(SAID, SAID)
    assert exported(network, tmp_path / "recipes", said) == wanted
    assert exported(network, tmp_path / "both", said, **OPTIONS) == wanted
    assert exported(edge_imgq.open(network), tmp_path / "open", said) == wanted


@pytest.mark.parametrize(
    ("ports", "options", "words"),
    [
        ((SAID, PortRequests()), {}, "recipe onnx-float says --output-name out --bind sigma=0"),
        (
            (SAID,),
            {"bind": {"sigma": 0.1}},
            r"and you say --bind sigma=0.1\. State it in one place",
        ),
        ((PortRequests((read_port("y"),)),), {}, "By the recipe onnx-float: .* has no output 'y'"),
    ],
)
def test_two_things_said_of_one_model_are_refused(
    network: Path, tmp_path: Path, ports: tuple[PortRequests, ...], options: dict, words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        exported(network, tmp_path / "out", recipes(*ports), **options)
    assert not (tmp_path / "out").exists()


def test_a_network_that_ships_says_itself_what_it_takes(tmp_path: Path) -> None:
    with pytest.raises(EdgeImgqError, match="By the recipe onnx-float: fsrcnn-x2 states its own"):
        exported("fsrcnn-x2", tmp_path / "out", recipes(SAID))


def test_a_model_in_memory_keeps_its_ports_at_another_size(network: Path, tmp_path: Path) -> None:
    model = edge_imgq.open(network.read_bytes(), bind={"sigma": "15/255"})
    made = edge_imgq.export(
        model, targets="onnx-float", sizes=(48, 32), output=tmp_path, bench=False
    )
    assert made.report.contract.further == ()
    assert made.report.contract.port_choices == ("bound: sigma = 0.0588",)
