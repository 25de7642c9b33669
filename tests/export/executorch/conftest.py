"""What all tests of ExecuTorch need: its package."""

from __future__ import annotations

import pytest

from edge_imgq.formats import FORMATS

EXTRA = FORMATS["executorch"].extra


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    """Skip tests on a machine without the extra."""
    if EXTRA.is_missing:
        pytest.skip(EXTRA.reason)
