"""What the tests of Core AI's operators share."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Return what Core AI makes of the float forms of a module's `CASES`."""
    from .operators import float_results

    return float_results(request.module.CASES, tmp_path_factory.mktemp("float"))
