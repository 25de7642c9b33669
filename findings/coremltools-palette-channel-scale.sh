#!/bin/bash
# coremltools 9.0: the per-channel scale of a palette is no scale per channel.
#
# OpPalettizerConfig(enable_per_channel_scale=True): "weights are normalized along the output
# channels using per-channel scales before being palettized". What is stored is one scale for each
# input channel and position in the kernel, (1, in, height, width), the greatest weight there of all
# output channels; all of those share it. Channels of different size, which a scale per channel is
# there for, stay as different as they were, and where few positions differ it does nothing.
#
# Here the output channels are 1, 1/4, 1/16 and 1/64 as large, and 16 values have to do for all. The
# option changes next to nothing, and the smallest channel becomes noise several times its size.
# Divided by its own greatest weight, each channel keeps its weights to a fifteenth, for 4 numbers.
#
# A good guess is that the option does what its text says, and that weights normalised this way
# cannot get coarser. To have it, scale the weights before conversion and the result behind it, or
# ask for a palette a channel (granularity "per_grouped_channel", group_size=1).
#
# Seen (largest error of a weight in parts of its channel's greatest; 4 bits, mode "uniform"):
#                             1      1/4    1/16   1/64
#   no scale                  0.064  0.26   1.1    4.2
#   enable_per_channel_scale  0.014  0.24   0.84   4.1
#   channels divided first    0.067  0.066  0.066  0.065
#   shape of the scale (1, 8, 3, 3), for 4 output channels
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q coremltools==9.0 numpy==2.4.6
cat > "$work/scale.py" <<'PYTHON'
import coremltools as ct
import coremltools.optimize.coreml as optimize
import numpy as np
from coremltools.converters.mil import Builder

rng = np.random.default_rng(0)
sizes = np.array([1, 1 / 4, 1 / 16, 1 / 64]).reshape(4, 1, 1, 1)
weight = (rng.uniform(-1, 1, (4, 8, 3, 3)) * sizes).astype(np.float32)
weight[:, 0, 0, 0] = sizes[:, 0, 0, 0]  # the greatest weight of each channel


def palettized(weight, **options):
    """Return the palettized weight, and the shapes of the scales that are stored."""
    @Builder.program(
        input_specs=[Builder.TensorSpec(shape=(1, 8, 8, 8))], opset_version=ct.target.iOS18
    )
    def program(x):
        return Builder.conv(x=x, weight=weight, pad_type="same")

    model = ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS18,
        compute_precision=ct.precision.FLOAT32,
        skip_model_load=True,
    )
    config = optimize.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=0, **options)
    made = optimize.palettize_weights(model, optimize.OptimizationConfig(global_config=config))
    operations = made._mil_program.functions["main"].operations
    scales = [
        operation.scale.val.squeeze(axis=(-2, -1)).shape
        for operation in operations
        if operation.op_type == "constexpr_blockwise_shift_scale"
    ]
    metadata = optimize.get_weights_metadata(optimize.decompress_weights(made), weight_threshold=0)
    return next(v.val for v in metadata.values() if v.val.shape == weight.shape), scales


def errors(name, restored):
    off = (np.abs(restored - weight) / sizes).max((1, 2, 3))
    print(f"{name:25}", *(f"{value:.2g}" for value in off))
    return off


plain = errors("no scale", palettized(weight)[0])
restored, scales = palettized(weight, enable_per_channel_scale=True)
scaled = errors("enable_per_channel_scale", restored)
divided = errors("channels divided first", palettized((weight / sizes).astype(np.float32))[0] * sizes)
print("shape of the scale", *scales)
assert scales == [(1, 8, 3, 3)], "another shape of scale now"
assert scaled[-1] > 1 and plain[-1] > 1 and divided.max() < 0.08, "the channels are scaled now"
PYTHON
"$work/env/bin/python" "$work/scale.py" 2>"$work/errors" || { tail -3 "$work/errors" >&2; exit 1; }
