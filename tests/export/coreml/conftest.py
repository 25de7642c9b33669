"""The road to a saved package and back, for every test of this folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest

from edge_imgq.graph.network import Network

from .witness import build, network, quantize, reference, run

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Road:
    """The functions that the tests of this folder share."""

    build: Callable[..., onnx.ModelProto]
    quantize: Callable[[onnx.ModelProto, Arrays], onnx.ModelProto]
    reference: Callable[[onnx.ModelProto, Arrays], list[np.ndarray]]
    network: Callable[[onnx.ModelProto], Network]
    run: Callable[[Network, Arrays, Path], list[np.ndarray]]


@pytest.fixture(scope="session")
def road() -> Road:
    return Road(build, quantize, reference, network, run)
