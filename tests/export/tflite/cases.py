"""The networks of one or two operators that the lowering is tested with."""

from __future__ import annotations

from typing import Any

import numpy as np

from .witness import Case

SEED = 7


def weights(*shape: int, scale: float = 0.3) -> Any:
    return np.random.default_rng((SEED, *shape)).normal(0, scale, shape).astype(np.float32)


def numbers(*values: int) -> Any:
    return np.array(values, np.int64)


def scalar(value: float) -> Any:
    return np.array(value, np.float32)


W3, B = weights(8, 6, 3, 3, scale=0.15), weights(8)
CONV = "y = Conv<{}>(x, w, b)"
SMALL = {"w": W3, "b": B}


def conv(attributes: str, shape: tuple[int, ...] = (1, 6, 12, 10), **constants: Any) -> Case:
    return Case(CONV.format(attributes), shape, constants or SMALL)


def unary(body: str) -> Case:
    return Case(f"y = {body}")


def resized(attributes: str, *sizes: int) -> Case:
    return Case(f"y = Resize<{attributes}>(x, , , n)", constants={"n": numbers(1, 6, *sizes)})


CONVOLUTIONS = {
    "conv same": conv("pads=[1,1,1,1]"),
    "conv valid": Case("y = Conv(x, w, b)", constants=SMALL),
    "conv without bias": Case("y = Conv<pads=[1,1,1,1]>(x, w)", constants={"w": W3}),
    "conv more padding than same": conv("pads=[2,2,2,2]"),
    "conv uneven padding": conv("pads=[0,2,1,0]"),
    "conv stride 2 padded in front": conv("strides=[2,2], pads=[1,1,1,1]"),
    "conv stride 2 on odd sides": conv("strides=[2,2], pads=[1,1,1,1]", (1, 6, 13, 11)),
    "conv stride 2 upper": conv('strides=[2,2], auto_pad="SAME_UPPER"'),
    "conv stride 2 lower": conv('strides=[2,2], auto_pad="SAME_LOWER"'),
    "conv stride 3 and 1": conv("strides=[3,1], pads=[1,1,1,1]"),
    "conv padding never read": conv("strides=[2,2], pads=[0,0,1,1]", (1, 6, 13, 11)),
    "conv dilated": conv("dilations=[2,2], pads=[2,2,2,2]"),
    "conv 1x1": Case("y = Conv(x, w, b)", constants={"w": weights(8, 6, 1, 1), "b": B}),
    "conv 5x3": conv("pads=[2,1,2,1]", w=weights(8, 6, 5, 3, scale=0.1), b=B),
    "conv from one channel": conv("pads=[2,2,2,2]", (1, 1, 12, 10), w=weights(8, 1, 5, 5), b=B),
    "conv to one channel": conv("pads=[1,1,1,1]", w=weights(1, 6, 3, 3), b=weights(1)),
    "conv of two groups": conv("group=2, pads=[1,1,1,1]", w=weights(8, 3, 3, 3), b=B),
    "depthwise": conv("group=6, pads=[1,1,1,1]", w=weights(6, 1, 3, 3), b=weights(6)),
    "depthwise multiplied": conv("group=6, pads=[1,1,1,1]", w=weights(12, 1, 3, 3), b=weights(12)),
    "depthwise dilated": conv(
        "group=6, dilations=[2,2], pads=[2,2,2,2]", w=weights(6, 1, 3, 3), b=weights(6)
    ),
    "conv then relu": Case("t = Conv<pads=[1,1,1,1]>(x, w, b) y = Relu(t)", constants=SMALL),
    "conv then relu6": Case(
        "t = Conv<pads=[1,1,1,1]>(x, w, b) y = Clip(t, l, h)",
        constants={**SMALL, "l": scalar(0), "h": scalar(6)},
    ),
    "conv then clip to unit": Case(
        "t = Conv<pads=[1,1,1,1]>(x, w, b) y = Clip(t, l, h)",
        constants={**SMALL, "l": scalar(0), "h": scalar(1)},
    ),
    "conv then clip below": Case(
        "t = Conv<pads=[1,1,1,1]>(x, w, b) y = Clip(t, l)",
        constants={**SMALL, "l": scalar(-0.25)},
    ),
    "conv then clip around zero": Case(
        "t = Conv<pads=[1,1,1,1]>(x, w, b) y = Clip(t, l, h)",
        constants={**SMALL, "l": scalar(-0.25), "h": scalar(0.5)},
    ),
    "two convs": Case(
        "t = Conv<pads=[1,1,1,1]>(x, w, b) r = Relu(t) y = Conv(r, v)",
        constants={**SMALL, "v": weights(4, 8, 1, 1)},
    ),
}

DECONVOLUTIONS = {
    "deconv": Case(
        "y = ConvTranspose<{}>(x, w, b)".format("strides=[2,2]"),
        constants={"w": weights(6, 5, 3, 3), "b": weights(5)},
    ),
    "deconv as fsrcnn": Case(
        "y = ConvTranspose<strides=[2,2], pads=[4,4,4,4], output_padding=[1,1]>(x, w, b)",
        constants={"w": weights(6, 1, 9, 9, scale=0.1), "b": weights(1)},
    ),
    "deconv as same": Case(
        "y = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(x, w)",
        constants={"w": weights(6, 5, 4, 4, scale=0.15)},
    ),
    "deconv with more output padding than pads": Case(
        "y = ConvTranspose<strides=[3,3], output_padding=[2,1]>(x, w)",
        constants={"w": weights(6, 5, 3, 3)},
    ),
    "deconv stride 1": Case(
        "y = ConvTranspose<pads=[1,1,1,1]>(x, w)", constants={"w": weights(6, 5, 3, 3)}
    ),
    "deconv then relu": Case(
        "t = ConvTranspose<strides=[2,2]>(x, w) y = Relu(t)", constants={"w": weights(6, 5, 2, 2)}
    ),
}

ACTIVATIONS = {
    "relu": unary("Relu(x)"),
    "leaky relu": unary("LeakyRelu<alpha=0.2>(x)"),
    "sigmoid": unary("Sigmoid(x)"),
    "tanh": unary("Tanh(x)"),
    "hard swish": unary("HardSwish(x)"),
    "softmax over channels": unary("Softmax<axis=1>(x)"),
    "clip": Case("y = Clip(x, l, h)", constants={"l": scalar(-0.5), "h": scalar(0.75)}),
    "clip to one side": Case("y = Clip(x, , h)", constants={"h": scalar(0.5)}),
    "clip to minus one and one": Case(
        "y = Clip(x, l, h)", constants={"l": scalar(-1), "h": scalar(1)}
    ),
    "identity": Case("t = Identity(x) y = Relu(t)"),
}

ARITHMETIC = {
    "add": Case("t = Relu(x) y = Add(x, t)"),
    "add a constant per channel": Case("y = Add(x, c)", constants={"c": weights(1, 6, 1, 1)}),
    "add a constant without batch": Case("y = Add(x, c)", constants={"c": weights(6, 1, 1)}),
    "add then relu": Case("t = Tanh(x) s = Add(x, t) y = Relu(s)"),
    "subtract": Case("t = Relu(x) y = Sub(x, t)"),
    "subtract from a number": Case("y = Sub(c, x)", constants={"c": scalar(1)}),
    "multiply": Case("t = Sigmoid(x) y = Mul(x, t)"),
    "multiply by a number": Case("y = Mul(x, c)", constants={"c": scalar(0.58)}),
    "multiply per pixel": Case("y = Mul(x, c)", constants={"c": weights(12, 10)}),
    "multiply by a mean": Case("t = GlobalAveragePool(x) y = Mul(x, t)"),
    "minimum": Case("t = Relu(x) y = Min(x, t)"),
    "maximum of a number": Case("y = Max(x, c)", constants={"c": scalar(0.25)}),
}

SHAPES = {
    "concat channels": Case("t = Relu(x) y = Concat<axis=1>(x, t)"),
    "concat counted from the end": Case("t = Relu(x) y = Concat<axis=-3>(x, t)"),
    "clip beside its input": Case(
        "t = Add(x, c) k = Clip(t, l, h) s = Concat<axis=1>(k, t) y = Conv(s, v)",
        constants={
            "c": scalar(1),
            "l": scalar(-0.5),
            "h": scalar(0.75),
            "v": weights(4, 12, 1, 1),
        },
    ),
    "concat rows": Case("t = Tanh(x) y = Concat<axis=2>(x, t)"),
    "split in halves": Case("a, b = Split<axis=1, num_outputs=2>(x) y = Add(a, b)"),
    "split unevenly": Case(
        "a, b = Split<axis=1>(x, n) y = Relu(b)", constants={"n": numbers(2, 4)}
    ),
    "split unevenly and join": Case(
        "a, b = Split<axis=1>(x, n) r = Relu(b) y = Concat<axis=1>(r, a)",
        constants={"n": numbers(2, 4)},
    ),
    "slice channels": Case(
        "y = Slice(x, s, e, a)",
        constants={"s": numbers(1), "e": numbers(4), "a": numbers(1)},
    ),
    "slice from the end": Case(
        "y = Slice(x, s, e, a)",
        constants={"s": numbers(-5, 2), "e": numbers(9999, -1), "a": numbers(2, 3)},
    ),
    "slice of a phase": Case(
        "y = Slice(x, b, e, a, s)",
        constants={
            "b": numbers(1, 2),
            "e": numbers(12, 10),
            "a": numbers(2, 3),
            "s": numbers(3, 5),
        },
    ),
    "slice of odd rows": Case(
        "y = Slice(x, b, e, a, s)",
        constants={"b": numbers(1), "e": numbers(12), "a": numbers(2), "s": numbers(2)},
    ),
    "slice every second": Case(
        "y = Slice(x, s, e, a, t)",
        constants={
            "s": numbers(1, 0),
            "e": numbers(12, 9),
            "a": numbers(2, 3),
            "t": numbers(2, 3),
        },
    ),
    "pad zeros": Case("y = Pad(x, n)", constants={"n": numbers(0, 0, 1, 2, 0, 0, 3, 0)}),
    "pad a number": Case(
        "y = Pad(x, n, v)", constants={"n": numbers(0, 0, 1, 2, 0, 0, 3, 0), "v": scalar(0.5)}
    ),
    "pad reflected": Case(
        'y = Pad<mode="reflect">(x, n)', constants={"n": numbers(0, 0, 1, 2, 0, 0, 3, 0)}
    ),
    "pad reflected all around": Case(
        'y = Pad<mode="reflect">(x, n)', constants={"n": numbers(0, 0, 7, 6, 0, 0, 8, 9)}
    ),
    "pad reflected far": Case(
        'y = Pad<mode="reflect">(x, n)', (1, 3, 19, 8), {"n": numbers(0, 0, 17, 2, 0, 0, 3, 0)}
    ),
    "pad two axes": Case(
        "y = Pad(x, n, , a)", constants={"n": numbers(1, 0, 0, 2), "a": numbers(-2, -1)}
    ),
    "depth to space": Case("y = DepthToSpace<blocksize=2>(x)", (1, 12, 5, 4)),
    "depth to space of one channel": Case(
        'y = DepthToSpace<blocksize=3, mode="CRD">(x)', (1, 9, 5, 4)
    ),
    "space to depth": Case("y = SpaceToDepth<blocksize=2>(x)"),
    "flatten of a mean": Case("t = GlobalAveragePool(x) y = Flatten(t)"),
    "reshape that moves elements": Case(
        "y = Reshape(x, n)", constants={"n": numbers(1, 6, 10, 12)}
    ),
    "split and join axes": Case(
        "t = Reshape(x, n) s = Transpose<perm=[0,2,1,3,4]>(t) y = Reshape(s, m)",
        constants={"n": numbers(1, 2, 3, 12, 10), "m": numbers(1, 6, 12, 10)},
    ),
    "tile rows": Case("y = Tile(x, n)", constants={"n": numbers(1, 1, 2, 1)}),
    "expand": Case(
        "m = GlobalAveragePool(x) y = Expand(m, n)", constants={"n": numbers(1, 1, 12, 10)}
    ),
    "transpose": Case("y = Transpose<perm=[0,1,3,2]>(x)"),
}

POOLS = {
    "max pool": Case("y = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)"),
    "max pool padded": Case("y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)"),
    "max pool of a relu": Case(
        "r = Relu(x) m = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(r) "
        "y = Conv<pads=[1,1,1,1]>(m, w, b)",
        constants=SMALL,
    ),
    "max pool ceiling": Case("y = MaxPool<kernel_shape=[3,3], strides=[3,3], ceil_mode=1>(x)"),
    "average pool": Case("y = AveragePool<kernel_shape=[2,2], strides=[2,2]>(x)"),
    "average pool same": Case("y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)"),
    "average pool counting padding": Case(
        "y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(x)"
    ),
    "average pool 3x2 by steps": Case("y = AveragePool<kernel_shape=[3,2], strides=[2,1]>(x)"),
    "global average pool": Case("y = GlobalAveragePool(x)"),
    "mean over channels": Case("y = ReduceMean<keepdims=1>(x, a)", constants={"a": numbers(1)}),
    "mean over pixels": Case("y = ReduceMean<keepdims=0>(x, a)", constants={"a": numbers(-1, -2)}),
}

NEAREST, LINEAR = 'mode="nearest"', 'mode="linear"'
HALF = 'coordinate_transformation_mode="half_pixel"'
ASYMMETRIC = 'coordinate_transformation_mode="asymmetric"'
CORNERS = 'coordinate_transformation_mode="align_corners"'
RESIZES = {
    "nearest doubled": resized(f'{NEAREST}, {ASYMMETRIC}, nearest_mode="floor"', 24, 20),
    "nearest doubled, few channels": Case(
        f'y = Resize<{NEAREST}, {ASYMMETRIC}, nearest_mode="floor">(x, , s)',
        (1, 3, 5, 7),
        {"s": np.array([1, 1, 2, 2], np.float32)},
    ),
    "nearest doubled, many channels": Case(
        f'y = Resize<{NEAREST}, {ASYMMETRIC}, nearest_mode="floor">(x, , s)',
        (1, 96, 4, 5),
        {"s": np.array([1, 1, 2, 2], np.float32)},
    ),
    "nearest by 3 and 8": resized(f'{NEAREST}, {ASYMMETRIC}, nearest_mode="floor"', 36, 80),
    "nearest of rows": resized(f"{NEAREST}, {HALF}", 60, 10),
    "nearest of one pixel": Case(
        f'y = Resize<{NEAREST}, {ASYMMETRIC}, nearest_mode="floor">(x, , s)',
        (1, 6, 1, 1),
        {"s": np.array([1, 1, 12, 10], np.float32)},
    ),
    "nearest half pixel": resized(f"{NEAREST}, {HALF}", 24, 30),
    "nearest doubled by corners": resized(
        f'{NEAREST}, {CORNERS}, nearest_mode="round_prefer_ceil"', 24, 20
    ),
    "nearest shrunk on ties": resized(f"{NEAREST}, {HALF}", 6, 5),
    "nearest shrunk": resized(f'{NEAREST}, {ASYMMETRIC}, nearest_mode="floor"', 6, 5),
    "nearest corners": resized(f'{NEAREST}, {CORNERS}, nearest_mode="round_prefer_ceil"', 17, 23),
    "linear doubled": resized(f"{LINEAR}, {HALF}", 24, 20),
    "linear odd": resized(f"{LINEAR}, {HALF}", 17, 33),
    "linear shrunk": resized(f"{LINEAR}, {HALF}", 7, 5),
    "linear corners": resized(f"{LINEAR}, {CORNERS}", 23, 19),
    "linear asymmetric": resized(f"{LINEAR}, {ASYMMETRIC}", 24, 30),
    "linear by scales": Case(
        f"y = Resize<{LINEAR}, {HALF}>(x, , s)",
        constants={"s": np.array([1, 1, 2, 2], np.float32)},
    ),
}

COMPUTED_IN_FLOAT = {
    "prelu": Case("y = PRelu(x, a)", constants={"a": weights(6, 1, 1)}),
    "prelu of one slope": Case("y = PRelu(x, a)", constants={"a": weights(1)}),
    "divided": Case("t = Sigmoid(x) s = Add(t, c) y = Div(x, s)", constants={"c": scalar(1)}),
    "absolute": Case("y = Abs(x)"),
    "root of a square": Case("t = Mul(x, x) y = Sqrt(t)"),
    "gelu": Case("y = Gelu(x)"),
    "gelu by tanh": Case('y = Gelu<approximate="tanh">(x)'),
    "elu": Case("y = Elu(x)"),
    "error function": Case("y = Erf(x)"),
    "exponential": Case("t = Mul(x, c) y = Exp(t)", constants={"c": scalar(0.25)}),
    "logarithm": Case("t = Sigmoid(x) s = Add(t, c) y = Log(s)", constants={"c": scalar(0.5)}),
    "negative": Case("y = Neg(x)"),
    "reciprocal": Case(
        "t = Sigmoid(x) s = Add(t, c) y = Reciprocal(s)", constants={"c": scalar(1)}
    ),
    "rounded": Case("t = Mul(x, c) y = Round(t)", constants={"c": scalar(3)}),
    "to a power that is computed": Case(
        "m = ReduceMean(x, a) s = Sigmoid(m) g = Reshape(s, n) t = Abs(x) y = Pow(t, g)",
        constants={"a": numbers(1, 2, 3), "n": numbers(1)},
    ),
    "inverse root": Case(
        "t = Mul(x, x) s = Add(t, c) y = Pow(s, h)", constants={"c": scalar(1), "h": scalar(-0.5)}
    ),
}
"""Operators without an int8 kernel: an int8 file dequantizes, computes and quantizes."""

FLOAT_ONLY = {
    "divide": Case("y = Div(x, c)", constants={"c": scalar(0.7)}),
    "power": Case("t = Abs(x) y = Pow(t, c)", constants={"c": scalar(1.5)}),
    "square root": Case("t = Abs(x) y = Sqrt(t)"),
    "gemm": Case("y = Gemm<transB=1>(x, w, b)", (3, 7), {"w": weights(5, 7), "b": weights(5)}),
    "matrix product": Case("y = MatMul(x, w)", (3, 7), {"w": weights(7, 5)}),
}

QUANTIZABLE = {
    **CONVOLUTIONS, **DECONVOLUTIONS, **ACTIVATIONS, **ARITHMETIC, **SHAPES, **POOLS, **RESIZES,
    **COMPUTED_IN_FLOAT,
}  # fmt: skip
EVERY = {**QUANTIZABLE, **FLOAT_ONLY}
