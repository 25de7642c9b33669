"""Six networks of no published name through LiteRT's GPU kernels and Qualcomm's NPU."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

from edge_imgq.cli.main import main
from tests.devices.gpu.build import needs_gpu

PADDED = "<pads = [1, 1, 1, 1]>"
DEPTHWISE = "group = 8, pads = [2, 2, 2, 2], dilations = [2, 2]"
POOL = "kernel_shape = [3, 3], pads = [1, 1, 1, 1]"

NETWORKS: Mapping[str, tuple[str, Mapping[str, tuple[int, ...]]]] = {
    "hourglass": (
        f"""a = Conv{PADDED}(image, w) r = Relu(a)
        b = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(r, v) c = Relu(b)
        d = Conv{PADDED}(c, u) e = Resize<mode = "linear">(d, , twice)
        f = Concat<axis = 1>(r, e) g = Conv{PADDED}(f, t) out = Add(image, g)""",
        {"w": (8, 3, 3, 3), "v": (12, 8, 3, 3), "u": (12, 12, 3, 3), "t": (3, 20, 3, 3)},
    ),
    "gated": (
        f"""a = Conv{PADDED}(image, w) b = HardSwish(a) m = GlobalAveragePool(b)
        g = Conv(m, v) s = Sigmoid(g) c = Mul(b, s) d = Conv{PADDED}(c, u) e = Tanh(d)
        out = Add(image, e)""",
        {"w": (8, 3, 3, 3), "v": (8, 8, 1, 1), "u": (3, 8, 3, 3)},
    ),
    "dilated": (
        f"""a = Conv{PADDED}(image, w) b = PRelu(a, slope) c = Conv<{DEPTHWISE}>(b, v)
        d = Conv(c, u) e = Add(b, d) f = LeakyRelu<alpha = 0.2>(e) g = Conv{PADDED}(f, t)
        out = Add(image, g)""",
        {
            "w": (8, 3, 3, 3),
            "v": (8, 1, 3, 3),
            "u": (8, 8, 1, 1),
            "t": (3, 8, 3, 3),
            "slope": (8, 1, 1),
        },
    ),
    "transposed": (
        f"""a = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(image, w) b = Relu(a)
        c = ConvTranspose<pads = [1, 1, 1, 1], strides = [2, 2]>(b, v) d = Relu(c)
        e = Conv{PADDED}(d, t) out = Add(image, e)""",
        {"w": (12, 3, 3, 3), "v": (12, 8, 4, 4), "t": (3, 8, 3, 3)},
    ),
    "pyramid": (
        f"""l = AveragePool<{POOL}>(image) h = Sub(image, l) a = Conv{PADDED}(h, w)
        b = Clip(a, low, high) m = MaxPool<{POOL}>(b) n = Sub(m, b) c = Concat<axis = 1>(b, n)
        d = Conv{PADDED}(c, u) out = Add(l, d)""",
        {"w": (8, 3, 3, 3), "u": (3, 16, 3, 3)},
    ),
    "shuffled": (
        f"""s = SpaceToDepth<blocksize = 2>(image) a = Conv{PADDED}(s, w) b = Relu(a)
        c = Conv<group = 2, pads = [1, 1, 1, 1]>(b, v) d = Add(b, c) e = Relu(d)
        f = Conv{PADDED}(e, u) g = DepthToSpace<blocksize = 2, mode = "CRD">(f)
        out = Add(image, g)""",
        {"w": (16, 12, 3, 3), "v": (16, 8, 3, 3), "u": (12, 16, 3, 3)},
    ),
}
"""Body and shapes of the weights, by name."""


def saved(name: str, folder: Path) -> Path:
    """Write a network with weights that keep the spread of an image."""
    body, shapes = NETWORKS[name]
    model = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["" : 21]>
        {name} (float[1, 3, H, W] image) => (float[1, 3, H, W] out)
        <float[4] twice = {{1, 1, 2, 2}}, float low = {{-0.25}}, float high = {{0.5}}>
        {{ {re.sub(" +", " ", body)} }}"""
    )
    generator = np.random.default_rng(sorted(NETWORKS).index(name))
    for weight, shape in shapes.items():
        spread = 0.3 if weight == "slope" else 0.8 / np.sqrt(np.prod(shape[1:]))
        values = generator.normal(0, spread, shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, weight))
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.device
@needs_gpu
@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_returns_what_this_host_does(name: str, tmp_path: Path) -> None:
    words = ["export", str(saved(name, tmp_path)), "--target", "tflite-gpu", "--size", "48x64"]
    assert main([*words, "--no-bench", "--output", str(tmp_path), "--json"]) == 0
    (target,) = json.loads((tmp_path / name / "report.json").read_text())["targets"]
    assert target["gpu"]["float16"] >= 55
    assert target["gpu"]["float32"] >= 90
