"""Published families and their QDQ models, made by the first test that wants them.

Exporting and quantizing a network takes longer than what most tests do with it, and the tests of
TFLite and of Core ML look at the same ones in processes of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import onnx
import onnx_ir as ir
import torch

from edge_imgq.artifact import write_bytes

from .convert import SEED, Family, contract_and_pixels, convert, quantized
from .table import PUBLISHED

FOLDER = Path()
"""Set by conftest.py."""


@cache
def family(name: str) -> Family:
    """Return a published network, converted; tests do not change it."""
    entry = PUBLISHED[name]

    def made() -> ir.Model:
        torch.manual_seed(SEED)
        return convert(name, entry.build(), entry.channels).model

    return Family(name, kept(f"{name}-float", made), *contract_and_pixels(entry.channels))


@cache
def quantized_family(name: str) -> ir.Model:
    """Return its QDQ model; tests do not change it."""
    return kept(f"{name}-int8", lambda: quantized(family(name)))


def kept(name: str, make: Callable[[], ir.Model]) -> ir.Model:
    """Return the model of a name that this run has, or make it and keep it for the others."""
    path = FOLDER / f"{name}.onnx"
    if not path.exists():
        write_bytes(path, ir.to_proto(make()).SerializeToString())
    return ir.from_proto(onnx.load(path))
