"""The tutorial runs from its first block to its last, and makes what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.docs.blocks import blocks, commands
from tests.docs.run import run
from tests.docs.stand_ins import write_photos

PAGE = CHECKOUT / "docs" / "tutorial.md"

# The pages say that torch's exporter warns of a name of its own.
pytestmark = pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning")


@pytest.mark.slow
def test_the_tutorial_ends_with_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_patches: None
) -> None:
    write_photos(tmp_path)
    shutil.rmtree(tmp_path / "pairs")
    monkeypatch.chdir(tmp_path)
    (program,) = blocks(PAGE, "python")
    exec(compile(program, PAGE.name, "exec"), {"__name__": "__main__"})
    for words in commands(PAGE):
        run(words, ("--no-bench",) if words[0] == "export" else ())
    made = ("enlarger.onnx", "out/photo.jpg", "baseline.json", "enlarger-app/contract.json")
    assert [name for name in made if not (tmp_path / name).is_file()] == []
    assert len(list((tmp_path / "pictures").glob("enlarger-tflite-int8-1-*.png"))) == 1
    targets = {path.name for path in (tmp_path / "artifacts" / "enlarger").iterdir()}
    assert {f"{name}.tflite" for name in shown("tflite")} <= targets
    assert {f"{name}.mlpackage" for name in shown("coreml")} <= targets


def shown(family: str) -> list[str]:
    """Return the targets of a family that the tutorial shows a verdict on."""
    lines = blocks(PAGE, "text")[0].splitlines()
    return [line.split()[0] for line in lines if line.startswith(family)]
