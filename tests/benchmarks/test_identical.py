"""Comparing two folders of exports."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper

from benchmarks.identical import compared


def test_what_differs_is_named_and_how(tmp_path: Path) -> None:
    model = helper.make_model(helper.make_graph([], "empty", [], []))
    for name, note in (("before", "1"), ("after", "2")):
        folder = tmp_path / name
        (folder / "net" / "m.mlpackage" / "Data").mkdir(parents=True)
        (folder / "net" / "m.mlpackage" / "Data" / "weights").write_bytes(b"w" * int(note))
        (folder / "net" / "a.tflite").write_bytes(b"same")
        (folder / "net" / "report.json").write_text(name)
        helper.set_model_props(model, {"note": note})
        onnx.save(model, folder / "net" / "f.onnx")
    (tmp_path / "after" / "net" / "new.tflite").write_bytes(b"")
    same, lines = compared(tmp_path / "before", tmp_path / "after")
    assert same == ["net/a.tflite"]
    assert lines == [
        "net/f.onnx: notes alone",
        "net/m.mlpackage/Data/weights: 1 and 2 bytes",
        f"net/new.tflite: only in {tmp_path / 'after'}",
    ]
