"""What recipes say of ports means what the options of a command mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_imgq.errors import RecipeError
from edge_imgq.ports import PortRequest, PortRequests, read_bound, read_port
from edge_imgq.recipe.export import ExportRecipe, checked_export, read_export_recipe
from edge_imgq.recipe.folders import shipped_folder
from edge_imgq.recipe.ports import port_values, read_ports
from edge_imgq.recipe.toml_reader import TomlTable

SAID = """
output = "enhanced"

[input.sigma]
kind = "plane"
range = [0, "75/255"]

[input.mask]
kind = "mask"

[bind]
strength = 0.7
gains = ["1/2", 0.25]
"""


def recipe(tmp_path: Path, text: str) -> ExportRecipe:
    shipped = (shipped_folder("export") / "onnx-float.toml").read_text()
    top, found, budget = shipped.partition("[budget]")
    said, _, tables = text.partition("\n\n")
    path = tmp_path / "onnx-float.toml"
    path.write_text(f"{top}\n{said}\n{tables}\n{found}{budget}")
    return read_export_recipe(path)


def test_a_recipe_says_what_options_say(tmp_path: Path) -> None:
    inputs = [read_port(text) for text in ("sigma=plane:0..75/255", "mask=mask")]
    bound = [read_bound(text) for text in ("strength=0.7", "gains=1/2,0.25")]
    wanted = PortRequests((PortRequest("enhanced"),), tuple(bound), tuple(inputs))
    assert recipe(tmp_path, SAID).ports == wanted
    assert recipe(tmp_path, "").ports == PortRequests()


def test_an_output_and_ranges_of_channels_are_said_in_tables(tmp_path: Path) -> None:
    text = '\n\n[output]\nname = "s"\nkind = "vector"\nrange = [[-1, 1], [0, 75]]\n'
    assert recipe(tmp_path, text).ports.outputs == (read_port("s=vector:-1..1,0..75"),)


def test_what_a_recipe_says_is_the_same_once_written_and_read(tmp_path: Path) -> None:
    ports = recipe(tmp_path, SAID).ports
    ports = replace(ports, outputs=(read_port("s=vector:-1..1,0..75/255"),))
    assert read_ports(TomlTable(port_values(ports), "a recipe")) == ports
    own = replace(recipe(tmp_path, ""), name="own", ports=ports)
    assert checked_export(own) == own


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("output = 3", "'output' must be a table, not 3"),
        ("output = {kind = 'plane'}", r"\[output\]: the key 'name' is missing"),
        ("input = 3", "'input' must be a table"),
        ("[input.sigma]\nrange = [0, 1]", r"\[input\] \[sigma\]: the key 'kind' is missing"),
        ("[input.sigma]\nkind = 'wave'", "'kind' is \"wave\"; it must be one of image, plane"),
        ("[input.sigma]\nkind = 'plane'\nrang = [0, 1]", "'rang'. Did you mean 'range'"),
        ("[input.sigma]\nkind = 'plane'\nrange = 75", r"'range' must be \[lowest, highest\]"),
        ("[input.sigma]\nkind = 'plane'\nrange = [0, 'x']", r"'range' must be \[lowest"),
        ("[input.sigma]\nkind = 'plane'\nrange = [1, 0]", "'range' has its lower end first"),
        ("[input.sigma]\nkind = 'plane'\nrange = [0, nan]", r"'range' must be \[lowest"),
        ("[bind]\nstrength = 'much'", "'strength' must be a number, such as 0.7"),
        ("[bind]\nstrength = true", "'strength' must be a number"),
        ("[bind]\nstrength = []", "'strength' must be a number"),
    ],
)
def test_what_says_nothing_is_refused_where_it_stands(
    tmp_path: Path, text: str, words: str
) -> None:
    is_table = text.startswith("[")
    with pytest.raises(RecipeError, match=words) as caught:
        recipe(tmp_path, f"\n\n{text}" if is_table else text)
    assert "onnx-float.toml" in str(caught.value)
