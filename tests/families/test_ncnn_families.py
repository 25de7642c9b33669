"""The published families as ncnn files, float32 and float16, in ncnn against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.families.figures import LEAST, psnr_of

from .sharing import family
from .table import PUBLISHED


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_files_agree_with_onnx_runtime(name: str, tmp_path: Path) -> None:
    for target, least in LEAST.items():
        assert psnr_of(family(name), target, tmp_path / f"{target}.param") >= least
