"""Exported networks of the zoo, for tests on devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_imgq.cli.main import main

NETWORKS = ("fsrcnn-x2", "dped-slim", "deblur-slim")


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the three default networks, as int8 for ONNX Runtime and for LiteRT."""
    output = tmp_path_factory.mktemp("zoo")
    for name in NETWORKS:
        words = ("export", name, "--target", "onnx-int8", "tflite", "--output", str(output))
        assert main([*words, "--json"]) == 0
    return output
