#!/usr/bin/env bash
# executorch 1.5.1: an input in torch's channels_last order is read as if it were contiguous.
#
# executorch 1.5.1, torch 2.13.0, numpy 2.4.6; Python 3.11, Linux x86-64.
#
# A program that adds 1 to an image (1, 3, 5, 7) is exported with a contiguous example, once for
# XNNPACK and once for ExecuTorch's portable kernels. The wheel's runtime is given one and the same
# image three times: contiguous, in channels_last order (as `image.permute(2, 0, 1)` of rows of
# pixels is after `unsqueeze`), and as a transposed view. Torch computes the same of all three.
# ExecuTorch refuses the third: "Input 0 for method forward should be contiguous or channels-last".
# It takes the second, and reads its bytes in the order of the first: every value is another
# pixel's, nothing is raised, and the result has the right shape and the right mean.
#
# A good guess, after that sentence, is that both orders that it names are understood.
#
# Seen (largest difference from torch, of values from 0 to 1):
#   XNNPACK   contiguous 0.00  channels_last 0.93  transposed: refused
#   portable  contiguous 0.00  channels_last 0.93  transposed: refused
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    executorch==1.5.1 torch==2.13.0 numpy==2.4.6
cat > "$folder/order.py" <<'PYTHON'
import sys
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime


class AddOne(torch.nn.Module):
    def forward(self, image):
        return image + 1.0


torch.manual_seed(0)
contiguous = torch.rand(1, 3, 5, 7)
images = {
    "contiguous": contiguous,
    "channels_last": contiguous.to(memory_format=torch.channels_last),
    "transposed": contiguous.transpose(2, 3).contiguous().transpose(2, 3),
}
program = torch.export.export(AddOne(), (contiguous,))
as_seen = True
for name, partitioner in {"XNNPACK": [XnnpackPartitioner()], "portable": []}.items():
    path = Path(sys.argv[1]) / f"{name}.pte"
    lowered = to_edge_transform_and_lower(program, partitioner=partitioner)
    path.write_bytes(lowered.to_executorch().buffer)
    method = Runtime.get().load_program(path).load_method("forward")
    words = []
    for order, image in images.items():
        try:
            off = float((method.execute([image])[0] - (contiguous + 1)).abs().max())
        except RuntimeError as error:
            words.append(f"{order}: refused")
            as_seen &= order == "transposed" and "contiguous or channels-last" in str(error)
            continue
        words.append(f"{order} {off:.2f}")
        as_seen &= off > 0.5 if order == "channels_last" else off < 1e-6
    print(f"{name:9} {'  '.join(words)}")
sys.exit(0 if as_seen else "no longer as described")
PYTHON
"$folder/venv/bin/python" "$folder/order.py" "$folder" 2>"$folder/errors" ||
    { cat "$folder/errors" >&2; exit 1; }
