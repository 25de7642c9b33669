"""Int8 TFLite files by TFLite's own kernels: the first images, and what does not run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_imgq.contract import FileNote, ImageContract
from edge_imgq.images.samples import Sample
from edge_imgq.pipeline.verify.builtin_kernels import BuiltinRuns
from edge_imgq.pipeline.verify.references import ComparedFile
from edge_imgq.runtime.protocol import RuntimeIdentity
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import NO_BUILTIN_KERNELS

GRAY = np.full((8, 8, 3), 100, np.uint8)
PHOTO = Sample("photo", GRAY, None)


@dataclass
class Delegated:
    """What is asked of a session before its file is opened again."""

    note: FileNote
    identity: RuntimeIdentity


def opened(path: Path, delegate: str = "XNNPACK", quantized: bool = True) -> ComparedFile:
    note = FileNote("m", "tflite-int8", ImageContract("image-to-image", 1, "rgb"), "0.0")
    session = Delegated(note, RuntimeIdentity("LiteRT", "2", delegate, 1))
    reference = session if quantized else None
    return ComparedFile(path, None, session, reference, None)  # type: ignore[arg-type]


def test_a_file_that_these_kernels_do_not_open_says_why(tmp_path: Path) -> None:
    runs, path = BuiltinRuns(), tmp_path / "none.tflite"
    runs.offer(opened(path), PHOTO, GRAY, GRAY)
    found = runs.of(path, [])
    assert isinstance(found, Skipped)
    assert "do not run it" in found.reason


def test_float_files_and_those_of_other_runtimes_are_not_run_again(tmp_path: Path) -> None:
    runs, path = BuiltinRuns(), tmp_path / "none.tflite"
    runs.offer(opened(path, quantized=False), PHOTO, GRAY, GRAY)
    runs.offer(opened(path, delegate="CPU"), PHOTO, GRAY, GRAY)
    assert runs.of(path, []) == NO_BUILTIN_KERNELS
