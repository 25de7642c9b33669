"""Families that attend, at one size: their products and norms need to know it."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
import torch

from edge_imgq.graph.shapes.size import bind_size

from .convert import SEED, SIZE, Family, convert, float_file, int8_file, quantized, run_file
from .convert import run_onnx as run
from .table import ATTENDING


@cache
def family(name: str) -> Family:
    torch.manual_seed(SEED)
    network = convert(name, ATTENDING[name].build(), 3)
    return dataclasses.replace(network, model=bind_size(network.model, SIZE))


@pytest.mark.parametrize("name", ATTENDING)
def test_the_float_file_agrees_with_onnx_runtime(name: str) -> None:
    network = family(name)
    wanted = run(network.model, network.image)
    got = run_file(float_file(network), network.image)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-4


@pytest.mark.parametrize("name", ATTENDING)
def test_the_int8_file_agrees_with_the_qdq_model(name: str) -> None:
    network = family(name)
    model = quantized(network)
    levels = np.rint(run(model, network.image).clip(0, 1) * 255)
    got = run_file(int8_file(network, model), network.pixels[0].transpose(2, 0, 1)[np.newaxis])
    assert levels.std() > 8
    assert (np.abs(got - levels) <= 1).mean() >= 0.99
