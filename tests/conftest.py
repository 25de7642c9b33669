"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of published image sets, which is not part of the project."""
    default = CHECKOUT.parent / "shared" / "data"
    folder = Path(os.environ.get("EDGE_IMGQ_DATA", default))
    if not folder.is_dir():
        pytest.skip("no image sets here: set EDGE_IMGQ_DATA to a folder with Set5, Set14, …")
    return folder
