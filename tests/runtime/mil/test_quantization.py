"""Integers and real numbers in the evaluator, against torch and coremltools."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edge_imgq.runtime.mil.package import open_package
from edge_imgq.runtime.mil.program import read_program
from edge_imgq.runtime.mil.silence import coremltools, silenced
from tests.runtime.mil.build import SEED, Apply, computed, convert, evaluate


# The one way of torch to quantize that coremltools' front end knows.
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor, .* are deprecated:UserWarning")
def test_quantize_rounds_half_to_even_and_saturates_as_torch_does(tmp_path: Path) -> None:
    def function(x: Tensor) -> Tensor:
        return torch.dequantize(torch.quantize_per_tensor(x, 0.25, -4, torch.qint8)) * 2.0

    torch.manual_seed(SEED)
    # An even zero point: torch adds it before it rounds, Core ML and ONNX add it after.
    # Multiples of an eighth lie half-way between steps; a spread of 60 saturates at both ends.
    x = torch.randint(-480, 480, (1, 4, 32, 32)) / 8.0
    path = convert(Apply(function), x, tmp_path / "m.mlpackage")
    kinds = [item.kind for item in read_program(open_package(path)).statements]
    assert kinds == ["quantize", "dequantize", "mul"]
    np.testing.assert_array_equal(evaluate(path, x), function(x).numpy())


@pytest.mark.parametrize("mode", ["linear_symmetric", "linear"])
@pytest.mark.parametrize(
    ("target", "kind"),
    [("iOS16", "constexpr_affine_dequantize"), ("iOS18", "constexpr_blockwise_shift_scale")],
)
def test_integer_weights_unpack_to_what_coremltools_unpacks(
    target: str, kind: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # coremltools' quantizer makes packages of its own, which it removes when Python ends.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    torch.manual_seed(SEED)
    ct = coremltools()
    layer, x = nn.Conv2d(8, 6, 3).eval(), torch.randn(1, 8, 12, 16)
    packed, plain = tmp_path / "packed.mlpackage", tmp_path / "plain.mlpackage"
    with silenced():
        model = ct.convert(
            torch.jit.trace(layer, x),
            inputs=[ct.TensorType("x", shape=tuple(x.shape))],
            minimum_deployment_target=getattr(ct.target, target),
            compute_precision=ct.precision.FLOAT32,
            skip_model_load=True,
        )
        method = ct.optimize.coreml.OpLinearQuantizerConfig(mode=mode, weight_threshold=1)
        config = ct.optimize.coreml.OptimizationConfig(global_config=method)
        smaller = ct.optimize.coreml.linear_quantize_weights(model, config)
        smaller.save(str(packed))
        ct.optimize.coreml.decompress_weights(smaller).save(str(plain))
    assert kind in [item.kind for item in read_program(open_package(packed)).statements]
    np.testing.assert_allclose(evaluate(packed, x), evaluate(plain, x), atol=1e-6)
    with torch.no_grad():
        np.testing.assert_allclose(evaluate(packed, x), layer(x).numpy(), atol=0.05)


def test_a_scale_for_each_channel_lies_along_its_axis() -> None:
    x = np.array([[-3, 7], [100, -128]], np.int8)
    scale, zero = np.array([0.5, 2], np.float32), np.array([1, -1], np.int8)
    real = computed("dequantize", input=x, scale=scale, zero_point=zero, axis=0)
    assert real.tolist() == [[-2, 3], [202, -254]]
    real = computed("dequantize", input=x, scale=scale, zero_point=zero, axis=1)
    assert real.tolist() == [[-2, 16], [49.5, -254]]
    assert computed("dequantize", input=x, scale=np.float32(0.5)).tolist() == [
        [-1.5, 3.5],
        [50, -64],
    ]


def test_unsigned_integers_saturate_at_their_own_ends() -> None:
    x = np.array([-9, 0.25, 0.75, 3, 900], np.float32)
    unsigned = {"output_dtype": "uint8", "zero_point": np.uint8(10), "scale": np.float32(0.5)}
    assert computed("quantize", dtype="uint8", input=x, **unsigned).tolist() == [0, 10, 12, 16, 255]
    signed = {"output_dtype": "int8", "scale": np.float32(2)}
    assert computed("quantize", dtype="int8", input=x, **signed).tolist() == [-4, 0, 0, 2, 127]


def test_blocks_have_a_scale_and_an_offset_each() -> None:
    data = np.arange(8, dtype=np.int8).reshape(2, 4)
    scale = np.array([[1, 10], [100, 1000]], np.float32)
    offset = np.array([[1, 0], [0, 2]], np.int8)
    real = computed("constexpr_blockwise_shift_scale", data=data, scale=scale, offset=offset)
    assert real.tolist() == [[-1, 0, 20, 30], [400, 500, 4000, 5000]]
