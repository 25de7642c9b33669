"""Models that several files of tests look at, made once in a run."""

from __future__ import annotations

import os

import pytest

from . import sharing


@pytest.fixture(scope="session", autouse=True)
def shared_models(tmp_path_factory: pytest.TempPathFactory, torch_operators: None) -> None:
    """Give the tests of a run, whichever process runs them, one folder for models."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-models"
    folder.mkdir(exist_ok=True)
    sharing.FOLDER = folder


@pytest.fixture(scope="module", autouse=True)
def quick_quantization(small_patches: None) -> None:
    """Quantize on patches as small as the images here."""
