"""`inspect`: what a file consists of."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

import edge_imgq as eiq
from edge_imgq.cli.main import main
from edge_imgq.errors import UsageError


def test_a_result_of_an_export_is_described(exported: eiq.ModelResult) -> None:
    found = eiq.inspect(exported["tflite-int8"])
    assert found.path == exported["tflite-int8"].path
    assert found.description.inputs[0].dtype == "uint8"
    assert found.exports == {}
    assert "TFLite" in str(found)
    assert "TFLite" in found._repr_html_()


def test_a_float_model_says_what_export_writes_of_it(network: nn.Module, float_file: Path) -> None:
    found = eiq.inspect(float_file.parent / "reference" / "original.onnx")
    weights = sum(weight.numel() for weight in network.parameters())
    assert found.description.parameters == weights + 1  # the factor 0.1
    assert isinstance(found.exports, dict)
    assert found.exports["tflite-int8"] == ()
    assert set(found.exports) == {recipe.name for recipe in eiq.export_recipes()}


def test_it_prints_what_the_command_prints(
    exported: eiq.ModelResult, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported["onnx-int8"].path
    assert main(["inspect", str(path), "--operators"]) == 0
    assert capsys.readouterr().out == eiq.inspect(path).text(operators=True) + "\n"


def test_a_folder_is_refused(exported: eiq.ModelResult) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        eiq.inspect(exported)
