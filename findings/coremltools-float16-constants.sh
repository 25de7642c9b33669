#!/bin/bash
# coremltools 9.0: in float16 a small constant grows, and one large weight keeps its convolution in
# float32.
#
# With compute_precision FLOAT16, the default of ML programs,
# - every constant between 0 and half of 2^-24 becomes 2^-24 (5.96e-8), with its sign, where
#   rounding gives 0: an epsilon of 1e-12 grows 60,000 times, and so does each such weight. The
#   program differs from the float one and from what numpy's float16 makes of the same numbers.
# - one weight above 65504 leaves the operator with all its weights in float32. 65519, which rounds
#   to 65504, does too. Nothing is said.
#
# A good guess is that constants are rounded to the nearest half, or that what does not fit is
# refused, or told. For an epsilon the growth is a kindness (no division by 0); weights pay for it.
#
# Seen:
#   1e-12 -> 5.96e-08, numpy 0
#   weights [1e-09, -1e-09, 0.5] -> float16 [5.9605e-08, -5.9605e-08, 0.5]
#   weights [65519, -1e-09, 0.5] -> float32 [65519, -1e-09, 0.5]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q coremltools==9.0 numpy==2.4.6
"$work/env/bin/python" - 2>/dev/null <<'PYTHON'
import sys

import coremltools
import numpy as np
from coremltools.converters.mil import Builder

IOS17 = coremltools.target.iOS17


def converted(operator, parameter, build):
    """The named parameter of the one such operator, after a conversion to float16."""
    shape = Builder.TensorSpec((1, 3, 8, 8))
    program = Builder.program(input_specs=[shape], opset_version=IOS17)(build)
    model = coremltools.convert(program, convert_to="mlprogram", minimum_deployment_target=IOS17)
    main = model._mil_program.functions["main"]
    node = next(n for n in main.operations if n.op_type == operator)
    return np.asarray(node.inputs[parameter].val)


def convolved(*weights):
    kernel = np.array(weights, np.float32).reshape(1, 3, 1, 1)
    found = converted("conv", "weight", lambda x: Builder.conv(x=x, weight=kernel))
    print("weights", [f"{w:g}" for w in weights], "->", found.dtype, [f"{w:.5g}" for w in found.ravel()])
    return found.ravel()


epsilon = converted("layer_norm", "epsilon",
                    lambda x: Builder.layer_norm(x=x, axes=[1], epsilon=np.float32(1e-12)))
print(f"1e-12 -> {float(epsilon):.3g}, numpy {float(np.float16(1e-12)):.3g}")
small = convolved(1e-9, -1e-9, 0.5)
large = convolved(65519, -1e-9, 0.5)
smallest = 2.0**-24
holds = (
    float(epsilon) == smallest
    and small.dtype == np.float16 and small.tolist() == [smallest, -smallest, 0.5]
    and large.dtype == np.float32 and np.float16(65519) == 65504
)
sys.exit(0 if holds else 1)
PYTHON
