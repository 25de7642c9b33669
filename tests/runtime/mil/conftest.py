"""What all tests of the evaluator need."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from edge_imgq.runtime.mil.silence import coremltools


@pytest.fixture(autouse=True, scope="package")
def what_is_imported_is_kept() -> Iterator[None]:
    """Keep what exists out of the garbage that coremltools collects at each conversion."""
    coremltools()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
