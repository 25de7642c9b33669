"""What tests that write or run files need: the package of ExecuTorch."""

from __future__ import annotations

import pytest

from edge_imgq.formats import FORMATS

EXTRA = FORMATS["executorch"].extra


@pytest.fixture(scope="session")
def installed() -> None:
    """Skip a test on a machine without the extra."""
    if EXTRA.is_missing:
        pytest.skip(EXTRA.reason)
