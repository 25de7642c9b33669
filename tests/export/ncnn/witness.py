"""Runs lowered networks in ncnn itself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ncnn
import numpy as np

from edge_imgq.export.ncnn.layers import Layer, in_float, param_text, weight_bytes
from edge_imgq.runtime.ncnn_file import read_pair


def run_ncnn(layers: Sequence[Layer], values: Any, half: bool = False) -> Any:
    """Return what ncnn computes, without the batch.

    Args:
        layers: from `image` to `result`.
        values: (N, …); one image.
        half: whether weights are float16, and the options those of an app.
    """
    kept = layers if half else in_float(layers)
    net = ncnn.Net()
    net.opt.num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        param, weights = Path(folder) / "m.param", Path(folder) / "m.bin"
        param.write_text(param_text(kept))
        weights.write_bytes(weight_bytes(kept, half))
        assert net.load_param(str(param)) == 0
        assert net.load_model(str(weights)) == 0
    image = np.ascontiguousarray(values[0] if len(values) == 1 else values, np.float32)
    extractor = net.create_extractor()
    extractor.input("image", ncnn.Mat(image).clone())
    code, result = extractor.extract("result")
    assert code == 0
    return np.array(result)


def run_as_phones_store(path: Path, values: Any) -> Any:
    """Return what the files of a half target compute when float16 holds all that layers write.

    Each layer runs by itself, on numbers that are rounded. Phones may sum in float16, too, which
    this does not show.

    Args:
        path: of the .param file.
        values: (C, H, W).
    """
    net, found = ncnn.Net(), {"image": rounded(values)}
    net.opt.num_threads = 1
    assert net.load_param(str(path)) == net.load_model(str(path.with_suffix(".bin"))) == 0
    for line in read_pair(path).lines[1:]:
        extractor = net.create_extractor()
        for blob in line.inputs:
            extractor.input(blob, ncnn.Mat(found[blob]).clone())
        for blob in line.outputs:
            code, result = extractor.extract(blob)
            assert code == 0
            found[blob] = rounded(np.array(result))
    return found["result"]


def rounded(values: Any) -> Any:
    return np.ascontiguousarray(values.astype(np.float16).astype(np.float32))
