"""Operators that move values of the evaluator against torch, by coremltools' torch front end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.export.tflite.witness import Case, run_onnx
from tests.runtime.mil.build import Apply, assert_float16, assert_float32, computed

MODULES: dict[str, Callable[[], nn.Module]] = {
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
    "columns padded by reflection": lambda: nn.ReflectionPad2d((1, 2, 0, 0)),
    "pad by reflection": lambda: nn.ReflectionPad2d((1, 2, 3, 0)),
    "pad with a constant": lambda: nn.ConstantPad2d((1, 2, 0, 3), -0.25),
    "pad with the edge": lambda: nn.ReplicationPad2d((1, 2, 3, 0)),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_float32_program_computes_what_torch_computes(name: str, tmp_path: Path) -> None:
    assert_float32(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_a_float16_program_stays_within_its_rounding_of_torch(name: str, tmp_path: Path) -> None:
    assert_float16(MODULES[name], tmp_path)


X = np.arange(2 * 8 * 4 * 6, dtype=np.float32).reshape(2, 8, 4, 6)


@pytest.mark.parametrize("kind", ["depth_to_space", "space_to_depth"])
def test_blocks_of_pixels_move_as_in_onnx_runtime(kind: str) -> None:
    body = {
        "depth_to_space": 'y = DepthToSpace<blocksize=2, mode="DCR">(x)',
        "space_to_depth": "y = SpaceToDepth<blocksize=2>(x)",
    }
    wanted = run_onnx(Case(body[kind], (1, 8, 4, 6), {}).model(), X[:1])
    assert np.array_equal(computed(kind, x=X[:1], block_size=2), wanted)


def test_a_slice_keeps_what_its_masks_say() -> None:
    begin, end = [1, 2, 3, 1], [2, -1, 0, 5]
    masks = {"begin_mask": [True, False, False, False], "end_mask": [False, False, True, False]}
    result = computed("slice_by_index", x=X, begin=begin, end=end, stride=[1, 2, 1, 3], **masks)
    assert np.array_equal(result, X[:2, 2:-1:2, 3:, 1:5:3])
    squeezed = {"squeeze_mask": [False, True, False, False]}
    result = computed("slice_by_index", x=X, begin=begin, end=end, **masks, **squeezed)
    assert np.array_equal(result, X[:2, 2, 3:, 1:5])


def test_gathered_elements_are_those_that_numpy_takes() -> None:
    indices = np.array([[3, -1, 0], [2, 2, -4]], np.int32)
    assert np.array_equal(computed("gather", x=X, indices=indices, axis=2), X.take(indices, 2))
    assert np.array_equal(computed("gather", x=X, indices=indices, axis=-2), X.take(indices, 2))
    assert np.array_equal(computed("gather", x=X, indices=np.int32(1)), X[1])


def test_what_is_cropped_is_taken_off_each_side() -> None:
    result = computed("crop", x=X, crop_height=[1, 2], crop_width=[3, 0])
    assert np.array_equal(result, X[:, :, 1:-2, 3:])


@pytest.mark.parametrize(
    ("mode", "numpy", "sides"),
    [
        ("reflect", "reflect", (1, 2)),
        ("reflect", "reflect", (2, 0, 1, 3)),
        ("replicate", "edge", (0, 2)),
        ("replicate", "edge", (0, 0, 0, 0, 2, 0, 1, 3)),
        ("constant", "constant", (1, 2)),
        ("constant", "constant", (0, 1, 2, 0, 1, 3)),
    ],
)
def test_the_last_axes_are_padded_first_axis_first(
    mode: str, numpy: str, sides: tuple[int, ...]
) -> None:
    pairs = [(0, 0)] * (4 - len(sides) // 2) + [*zip(sides[::2], sides[1::2], strict=True)]
    assert np.array_equal(computed("pad", x=X, pad=sides, mode=mode), np.pad(X, pairs, numpy))


def test_shapes_change_as_the_mil_reference_says() -> None:
    assert computed("reshape", x=X, shape=[0, -1, 6]).shape == (2, 32, 6)
    assert computed("expand_dims", x=X, axes=[0, -1]).shape == (1, 2, 8, 4, 6, 1)
    assert computed("expand_dims", x=X, axes=[3, 1]).shape == (2, 1, 8, 1, 4, 6)
    assert computed("squeeze", x=X[:1, :, :1]).shape == (8, 6)
    assert computed("squeeze", x=X[:1, :, :1], axes=[2]).shape == (1, 8, 6)
    assert np.array_equal(computed("tile", x=X, reps=[1, 2, 1, 3]), np.tile(X, (1, 2, 1, 3)))
    assert np.array_equal(computed("reverse", x=X), X[::-1, ::-1, ::-1, ::-1])
    assert np.array_equal(computed("reverse", x=X, axes=[1]), X[:, ::-1])
    parts = {"results": 4, "axis": 1}
    assert np.array_equal(computed("split", x=X, num_splits=4, **parts), X[:, 6:])


def test_the_nearest_row_is_the_one_below_a_fraction() -> None:
    factors = {"scale_factor_height": np.float32(2.5), "scale_factor_width": np.float32(0.5)}
    result = computed("upsample_nearest_neighbor", x=X, **factors)
    assert np.array_equal(result, X[:, :, [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]][..., [0, 2, 4]])
