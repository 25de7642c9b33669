"""A task that nobody states is asked for before a model is opened."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

import edge_imgq as eiq
from edge_imgq.errors import UsageError
from edge_imgq.pipeline.evaluate import evaluate as stage
from edge_imgq.pipeline.evaluate.unknown_task import refuse_unknown_task
from edge_imgq.pipeline.open_model import source


def saved(path: Path, image: str, out: str, metadata: dict[str, str] | None = None) -> Path:
    model = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["" : 21]> own (float[{image}] image) => (float[{out}] '
        "out) { out = Relu(image) }"
    )
    onnx.helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("sides", ["1,3,H,W", "1,3,32,48", "n,3,h,w"])
def test_a_network_that_keeps_the_size_is_asked_for_its_task_before_it_is_opened(
    tmp_path: Path, sides: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "own.onnx", sides, sides)

    def opened(*words: object) -> None:
        raise AssertionError("the model was opened")

    monkeypatch.setattr(stage, "open_unset", opened)
    monkeypatch.setattr(source, "open_model", opened)
    with pytest.raises(UsageError, match="add --task with one of super-resolution, jpeg"):
        eiq.evaluate(path, tmp_path)
    with pytest.raises(AssertionError, match="was opened"):
        eiq.evaluate(path, tmp_path, task="denoise")


@pytest.mark.parametrize(
    ("image", "out", "note"),
    [
        ("1,3,32,48", "1,3,64,96", {}),
        ("1,3,H,W", "1,3,A,B", {}),
        ("1,3,H,W", "1,3,H,W", {"edge_imgq.model": "denoise-slim"}),
    ],
)
def test_others_are_left_to_be_opened(
    tmp_path: Path, image: str, out: str, note: dict[str, str]
) -> None:
    refuse_unknown_task(str(saved(tmp_path / "own.onnx", image, out, note)))


def test_names_and_damaged_files_are_left_to_be_opened(tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    for name in ("denoise-slim", str(tmp_path / "damaged.onnx"), str(tmp_path / "none.onnx")):
        refuse_unknown_task(name)
