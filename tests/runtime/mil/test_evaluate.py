"""The evaluator against torch, on programs that coremltools' torch front end wrote."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_imgq.errors import ModelError, NonFiniteOutputError
from edge_imgq.runtime.mil.evaluate import Evaluator
from edge_imgq.runtime.mil.package import open_package
from edge_imgq.runtime.mil.program import Program, read_program
from edge_imgq.runtime.mil.silence import coremltools, silenced

SEED = 20


class Apply(nn.Module):
    """A function as a module, so that it can be traced."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@pytest.fixture(autouse=True, scope="module")
def what_is_imported_is_kept() -> Iterator[None]:
    """Keep what exists out of the garbage that coremltools collects at each conversion."""
    coremltools()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def convert(module: nn.Module, x: Tensor, path: Path, precision: str = "FLOAT32") -> Path:
    """Save a module as a package with coremltools' torch front end, all its passes on."""
    ct = coremltools()
    with silenced():
        traced = torch.jit.trace(module.eval(), x)
        ct.convert(
            traced,
            inputs=[ct.TensorType("x", shape=tuple(x.shape), dtype=np.float32)],
            minimum_deployment_target=ct.target.iOS17,
            compute_precision=getattr(ct.precision, precision),
            skip_model_load=True,
            package_dir=str(path),
        )
    return path


def evaluate(path: Path, x: Tensor) -> np.ndarray:
    (result,) = Evaluator(read_program(open_package(path))).run({"x": x.numpy()}).values()
    return result


def prelu(channels: int) -> nn.Module:
    module = nn.PReLU(channels)
    nn.init.uniform_(module.weight, -0.5, 1.5)
    return module


def batch_norm(channels: int) -> nn.Module:
    module = nn.BatchNorm2d(channels)
    assert module.running_mean is not None
    assert module.running_var is not None
    module.running_mean.uniform_(-1, 1)
    module.running_var.uniform_(0.5, 2)
    return module


MODULES: dict[str, Callable[[], nn.Module]] = {
    "conv": lambda: nn.Conv2d(8, 6, 3, padding=1),
    "conv without bias": lambda: nn.Conv2d(8, 6, 1, bias=False),
    "strided conv": lambda: nn.Conv2d(8, 6, 5, stride=(2, 3), padding=(1, 2)),
    "dilated conv": lambda: nn.Conv2d(8, 6, 3, dilation=(2, 1), padding=(2, 1)),
    "grouped conv": lambda: nn.Conv2d(8, 12, 3, groups=4),
    "depthwise conv": lambda: nn.Conv2d(8, 8, 3, groups=8, padding=1),
    "conv with padding same": lambda: nn.Conv2d(8, 6, 4, padding="same"),
    "conv padded by reflection": lambda: nn.Conv2d(8, 6, 3, padding=1, padding_mode="reflect"),
    "conv transpose": lambda: nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1),
    "conv transpose of FSRCNN": lambda: nn.ConvTranspose2d(8, 1, 9, 2, 4, output_padding=1),
    "conv transpose, uneven": lambda: nn.ConvTranspose2d(8, 3, (3, 5), (2, 3), (1, 0)),
    "grouped conv transpose": lambda: nn.ConvTranspose2d(8, 6, 3, stride=2, groups=2),
    "conv on one axis": lambda: nn.Sequential(nn.Flatten(0, 1), nn.Conv1d(12, 6, 3, 2, 1)),
    "conv on three axes": lambda: nn.Sequential(nn.Unflatten(1, (1, 8)), nn.Conv3d(1, 4, 3)),
    "conv transpose on one axis": lambda: nn.Sequential(
        nn.Flatten(0, 1), nn.ConvTranspose1d(12, 6, 4, 2, 1)
    ),
    "dilated conv transpose": lambda: nn.ConvTranspose2d(8, 3, 3, 2, dilation=(2, 3)),
    "relu": lambda: nn.ReLU(),
    "relu6": lambda: nn.ReLU6(),
    "leaky relu": lambda: nn.LeakyReLU(0.17),
    "prelu": lambda: prelu(8),
    "sigmoid": lambda: nn.Sigmoid(),
    "tanh": lambda: nn.Tanh(),
    "silu": lambda: nn.SiLU(),
    "gelu": lambda: nn.GELU(),
    "gelu by tanh": lambda: nn.GELU(approximate="tanh"),
    "elu": lambda: nn.ELU(),
    "softplus": lambda: nn.Softplus(),
    "hard sigmoid": lambda: nn.Hardsigmoid(),
    "softmax": lambda: nn.Softmax(1),
    "clamp": lambda: Apply(lambda x: x.clamp(-0.3, 0.7)),
    "clamp from below": lambda: Apply(lambda x: x.clamp(min=-0.3)),
    "add a row": lambda: Apply(lambda x: x + torch.linspace(0, 1, 8).reshape(1, 8, 1, 1)),
    "subtract the mean": lambda: Apply(lambda x: x - x.mean((2, 3), keepdim=True)),
    "multiply by a broadcast row": lambda: Apply(lambda x: x * x[:, :, :1]),
    "divide": lambda: Apply(lambda x: x / (x.abs() + 1.0)),
    "minimum and maximum": lambda: Apply(
        lambda x: torch.maximum(torch.minimum(x[:, :4], x[:, 4:]), x[:, :1])
    ),
    "power": lambda: Apply(lambda x: x.abs() ** 1.5),
    "square root": lambda: Apply(lambda x: x.abs().sqrt()),
    "exponential": lambda: Apply(lambda x: x.exp()),
    "logarithm": lambda: Apply(lambda x: (x.abs() + 0.1).log()),
    "inverse root": lambda: Apply(lambda x: (x.square() + 0.1).rsqrt()),
    "chosen by sign": lambda: Apply(lambda x: torch.where(x > 0, x.sqrt(), x[:, :1])),
    "chosen by other comparisons": lambda: Apply(
        lambda x: torch.where(
            torch.logical_or(
                torch.logical_and(x <= 0.25, torch.logical_not(x < -0.5)),
                torch.logical_xor(x >= 1, x == 0),
            ),
            x,
            1.001 * x,  # in float16 a value may lie on the other side of a threshold
        )
    ),
    "chosen where not equal": lambda: Apply(lambda x: torch.where(x.relu() != 0, x, x + 1)),
    "truth values as numbers": lambda: Apply(lambda x: x * (x > 0.25).float()),
    "next whole number, and sign": lambda: Apply(lambda x: x.ceil() + x.sign()),
    "flip": lambda: Apply(lambda x: x.flip((1, 3))),
    "gathered columns": lambda: Apply(lambda x: x.index_select(3, torch.tensor([3, 0, 3, 15]))),
    "concat": lambda: Apply(lambda x: torch.cat([x, 2 * x, x[:, :3]], 1)),
    "split": lambda: Apply(lambda x: torch.split(x, [3, 5], 1)[1]),
    "chunk": lambda: Apply(lambda x: x.chunk(2, 1)[0]),
    "slice": lambda: Apply(lambda x: x[:, 1:-2, ::2, 3:]),
    "pixel shuffle": lambda: nn.PixelShuffle(2),
    "pixel unshuffle": lambda: nn.PixelUnshuffle(2),
    "transpose and reshape": lambda: Apply(lambda x: x.permute(0, 2, 3, 1).reshape(1, -1, 8)),
    "upsample nearest": lambda: nn.Upsample(scale_factor=3, mode="nearest"),
    "upsample bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "upsample bilinear, corners aligned": lambda: nn.Upsample(
        scale_factor=2, mode="bilinear", align_corners=True
    ),
    "resize bilinear to a size": lambda: nn.Upsample(size=(15, 31), mode="bilinear"),
    "max pool": lambda: nn.MaxPool2d(3, 2, padding=1),
    "max pool, ceiling": lambda: nn.MaxPool2d(2, 3, ceil_mode=True),
    "max pool on one axis": lambda: nn.Sequential(nn.Flatten(0, 1), nn.MaxPool1d(3, 2, 1)),
    "average pool on three axes": lambda: nn.Sequential(nn.Unflatten(1, (1, 8)), nn.AvgPool3d(2)),
    "average pool": lambda: nn.AvgPool2d(3, 2, padding=1),
    "average pool without its padding": lambda: nn.AvgPool2d(
        3, 2, padding=1, count_include_pad=False
    ),
    "average pool, ceiling": lambda: nn.AvgPool2d(3, 2, ceil_mode=True),
    "adaptive pool": lambda: nn.AdaptiveAvgPool2d(1),
    "mean": lambda: Apply(lambda x: x.mean((2, 3))),
    "largest": lambda: Apply(lambda x: x.amax((2, 3), keepdim=True)),
    "sum": lambda: Apply(lambda x: x.sum(1, keepdim=True) * 0.1),
    "columns padded by reflection": lambda: nn.ReflectionPad2d((1, 2, 0, 0)),
    "pad by reflection": lambda: nn.ReflectionPad2d((1, 2, 3, 0)),
    "pad with a constant": lambda: nn.ConstantPad2d((1, 2, 0, 3), -0.25),
    "pad with the edge": lambda: nn.ReplicationPad2d((1, 2, 3, 0)),
    "batch norm": lambda: batch_norm(8),
    "instance norm": lambda: nn.InstanceNorm2d(8, affine=True),
    "linear": lambda: nn.Linear(16, 5),
    "matrix product": lambda: Apply(lambda x: x @ x.transpose(-1, -2)),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    module, x = MODULES[name]().eval(), torch.randn(1, 8, 12, 16)
    with torch.no_grad():
        expected = module(x).numpy()
    result = evaluate(convert(module, x, tmp_path / "m.mlpackage"), x)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    module, x = MODULES[name]().eval(), torch.randn(1, 8, 12, 16)
    with torch.no_grad():
        expected = module(x).numpy()
    path = convert(module, x, tmp_path / "m.mlpackage", "FLOAT16")
    result = evaluate(path, x).astype(np.float32)
    # Input, weights and result are each rounded to 11 bits, a few steps in the longer programs.
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(result, expected, rtol=0, atol=3 * 2.0**-11 * scale)


def test_float16_is_rounded_after_each_operator_to_the_last_bit(tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    first, second = nn.Conv2d(8, 8, 3, bias=False), nn.Conv2d(8, 4, 1, bias=False)
    x = torch.randn(1, 8, 12, 16)
    path = convert(nn.Sequential(first, second), x, tmp_path / "m.mlpackage", "FLOAT16")
    with torch.no_grad():
        half = [layer.weight.half().float() for layer in (first, second)]
        between = F.conv2d(x.half().float(), half[0]).half().float()
        rounded = F.conv2d(between, half[1]).half().numpy()
        carried = F.conv2d(F.conv2d(x.half().float(), half[0]), half[1]).half().numpy()
    result = evaluate(path, x)
    same = float((result == rounded).mean())
    assert same > 0.995, f"seed {SEED}: only {same:.4f} of the values agree"
    assert (result == carried).mean() < 0.9, "the value between the layers was not rounded"


def test_without_rounding_a_float16_program_keeps_what_float32_holds(tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    layer, x = nn.Conv2d(8, 8, 3, bias=False), torch.randn(1, 8, 12, 16)
    layer.weight.data = layer.weight.data.half().float()
    path = convert(nn.Sequential(layer, nn.Tanh()), x, tmp_path / "m.mlpackage", "FLOAT16")
    with torch.no_grad():
        expected = layer(x).tanh().numpy()
    (result,) = Evaluator(read_program(open_package(path)), False).run({"x": x.numpy()}).values()
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert np.abs(evaluate(path, x) - expected).max() > 1e-5, "float16 made no difference"


def test_a_program_runs_at_another_size_where_its_operators_allow(tmp_path: Path) -> None:
    torch.manual_seed(SEED)
    module = nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1), nn.ConvTranspose2d(8, 1, 9, 2, 4, output_padding=1)
    ).eval()
    path = convert(module, torch.randn(1, 8, 12, 16), tmp_path / "m.mlpackage")
    larger = torch.randn(1, 8, 20, 9)
    evaluator = Evaluator(read_program(open_package(path)))
    with torch.no_grad():
        expected = module(larger).numpy()
    assert list((evaluator.shapes({"x": larger.shape}) or {}).values()) == [expected.shape]
    np.testing.assert_allclose(evaluate(path, larger), expected, atol=1e-5)


def test_a_baked_shape_is_seen_before_anything_runs(tmp_path: Path) -> None:
    module = Apply(lambda x: x.reshape(1, 8, 192))
    path = convert(module, torch.randn(1, 8, 12, 16), tmp_path / "m.mlpackage")
    evaluator = Evaluator(read_program(open_package(path)))
    assert evaluator.shapes({"x": (1, 8, 12, 16)}) is not None
    assert evaluator.shapes({"x": (1, 8, 24, 32)}) is None


def test_a_value_beyond_float16_is_named(tmp_path: Path) -> None:
    module = nn.Conv2d(8, 4, 1)
    nn.init.constant_(module.weight, 2.0)
    x = torch.full((1, 8, 4, 4), 60000.0)
    path = convert(module, x, tmp_path / "m.mlpackage", "FLOAT16")
    with pytest.raises(NonFiniteOutputError, match=r"conv.*float16"):
        evaluate(path, x)


def test_an_operator_nobody_wrote_is_named(tmp_path: Path) -> None:
    module = Apply(lambda x: x.cumsum(1))
    path = convert(module, torch.randn(1, 8, 4, 4), tmp_path / "m.mlpackage")
    program = read_program(open_package(path))
    assert isinstance(program, Program)
    with pytest.raises(ModelError, match="does not know cumsum"):
        Evaluator(program)


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
