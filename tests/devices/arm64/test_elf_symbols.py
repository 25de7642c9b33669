"""Symbols are where the loader puts them, and their names can be read."""

from __future__ import annotations

import ctypes
from pathlib import Path

import ai_edge_litert
import pytest
from numpy._core import _multiarray_umath as numpy_library

from edge_imgq.devices.arm64.elf_symbols import read_symbols, readable
from edge_imgq.devices.arm64.operators import DELEGATED, LIBRARY, read_library

MAPS = Path("/proc/self/maps")


@pytest.mark.skipif(not MAPS.exists(), reason="Linux alone has /proc")
def test_a_symbol_is_where_the_loader_puts_it() -> None:
    library = Path(numpy_library.__file__).resolve()
    name = "PyInit__multiarray_umath"
    loaded = ctypes.cast(getattr(ctypes.CDLL(str(library)), name), ctypes.c_void_p).value
    assert loaded is not None
    lines = [line for line in MAPS.read_text().splitlines() if line.endswith(str(library))]
    base = int(lines[0].split("-")[0], 16)
    assert read_symbols(library).at(loaded - base + 1) == name


def test_litert_keeps_the_names_that_operators_are_told_by() -> None:
    """The wheel of this machine is built as that for aarch64 is."""
    site = Path(ai_edge_litert.__path__[0]).parent
    if not (site / "ai_edge_litert" / LIBRARY).exists():
        pytest.skip("this wheel of LiteRT has other libraries")
    library = read_library(site)
    assert DELEGATED in library.symbols.names
    own = {beginning.own for beginning in library.beginnings}
    assert {"", "quantize", "conv", "add", "transpose_conv", "resize_bilinear"} <= own
    assert library.symbols.at(0) == ""


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("xnn_f32_vadd_ukernel__neon_u8", "xnn_f32_vadd_ukernel__neon_u8"),
        (
            "_ZN6tflite13reference_ops20BroadcastPrelu4DSlowIhEEvRKNS_11PreluParamsE",
            "tflite::reference_ops::BroadcastPrelu4DSlow",
        ),
        (
            "_ZN6tflite3ops7builtin4cast12_GLOBAL__N_14EvalEP13TfLiteContextP10TfLiteNode",
            "tflite::ops::builtin::cast::Eval",
        ),
        ("_ZL9quicksortPii", "quicksort"),
        ("_Z3addii", "add"),
        ("_start", "_start"),
    ],
)
def test_names_of_cpp_are_read(symbol: str, name: str) -> None:
    assert readable(symbol) == name
