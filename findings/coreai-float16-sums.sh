#!/bin/bash
# coreai-core 1.0.0b3 on Linux: float16 matrix products and transposed convolutions are summed in
# float16, and take hundreds of times the processor time of float32; plain convolutions do neither.
#
# A saved .aimodel runs on the processor through AIModelAsset.load(path).executable(), so a float16
# program can be checked without an Apple device. 4096 ones times 4096 ones is 4096 as a 1x1
# convolution of 4096 channels, and 2048 as a matrix product: from 2048 on, adding 1 to a float16
# changes nothing. A transposed convolution of 4096 channels comes to 2048 as well. A network whose
# projections are products (attention) shows drift here that no device need have, and takes minutes.
#
# A good guess is that a runtime sums float16 in float32, as its own convolution does, or that all
# operators of one type are summed alike. Neither holds. Compare such networks by their float32
# program, or write products by constants as 1x1 convolutions.
#
# Seen (the sum of 4096 ones; processor ms of a product of 3072 rows by a matrix of 128x256):
#   conv2d            float32 4096  float16 4096
#   batch_matmul      float32 4096  float16 2048
#   conv_transpose2d  float32 4096  float16 2048
#   batch_matmul      float32 9.5 ms  float16 3300 ms
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q coreai-core==1.0.0b3 numpy==2.4.6
"$work/env/bin/python" - "$work" 2>"$work/errors" <<'PYTHON' || { tail -3 "$work/errors" >&2; exit 1; }
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
from coreai import authoring as ai
from coreai.authoring.constant import constant
from coreai.runtime import NDArray

FOLDER = Path(sys.argv[1])
MANY = 4096


def numbers(*values):
    return constant(np.array(values, np.uint32))


def run(build, values, shape):
    """Return what a program of one operator gives, and the processor time of a call in ms."""

    def main(x):
        return build(x)

    kind = values.dtype.type
    main.__annotations__ = {
        "x": Annotated[ai.Value, ai.TensorType(values.shape, kind, name="x")],
        "return": Annotated[ai.Value, ai.TensorType(shape, kind, name="y")],
    }
    module = ai.Module.create()
    with module:
        ai.graph(main)
    path = FOLDER / "m.aimodel"
    ai.AIProgram(module).save_asset(path)

    async def called():
        async with ai.AIModelAsset.load(path).executable() as model:
            function = model.load_function("main")
            await function({"x": NDArray(values)})
            begun = time.process_time()
            result = (await function({"x": NDArray(values)}))["y"].numpy().copy()
            return result, (time.process_time() - begun) * 1e3

    return asyncio.run(called())


def sums(dtype):
    image, row = np.ones((1, MANY, 1, 1), dtype), np.ones((1, MANY), dtype)
    weights = np.ones((1, MANY, 1, 1), dtype)
    turned = np.ones((MANY, 1, 1, 1), dtype)
    column = np.ones((MANY, 1), dtype)
    operators = {
        "conv2d": (
            lambda x: ai.conv2d(x, weights, numbers(1, 1), numbers(1, 1), constant(np.uint32(1))),
            image,
            (1, 1, 1, 1),
        ),
        "batch_matmul": (lambda x: ai.broadcasting_batch_matmul(x, column), row, (1, 1)),
        "conv_transpose2d": (
            lambda x: ai.conv_transpose2d(
                x, constant(turned), numbers(1, 1), numbers(0, 0), numbers(1, 1), numbers(0, 0),
                constant(np.uint32(1)),
            ),
            image,
            (1, 1, 1, 1),
        ),
    }
    return {name: float(run(*words)[0].ravel()[0]) for name, words in operators.items()}


def milliseconds(dtype):
    rows, matrix = np.ones((1, 32, 96, 128), dtype), np.ones((128, 256), dtype)
    return run(lambda x: ai.broadcasting_batch_matmul(x, matrix), rows, (1, 32, 96, 256))[1]


full, half = sums(np.float32), sums(np.float16)
for name in full:
    print(f"{name:17} float32 {full[name]:.0f}  float16 {half[name]:.0f}")
times = milliseconds(np.float32), milliseconds(np.float16)
print(f"batch_matmul      float32 {times[0]:.1f} ms  float16 {times[1]:.0f} ms", flush=True)
same = set(full.values()) == {MANY} and half["conv2d"] == MANY
short = half["batch_matmul"] == half["conv_transpose2d"] == 2048
os._exit(0 if same and short and times[1] > 50 * times[0] else 1)
PYTHON
