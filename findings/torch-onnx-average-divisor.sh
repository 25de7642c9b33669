#!/usr/bin/env bash
# torch.onnx.export drops the divisor_override of an average pool and says nothing.
#
# torch 2.13.0, onnxscript 0.7.2, onnx 1.23.2, onnxruntime 1.31.1; Python 3.11, Linux x86-64.
#
# avg_pool2d(image, k, divisor_override=d) is the sum of the window over d; with d = 1 it is how
# torch code writes a box sum. Both exporters write an AveragePool, the mean. ONNX has no such
# attribute; torch 2.0 refused the export for it.
#
# A good guess is a refusal, or a Mul by k * k / d after the pool. The result has the right shape
# and is off by a constant factor, which a network with a norm behind it partly hides.
#
# Seen (ratio of the file's output to torch's, 3x3 windows; right would be 1):
#   dynamo=True,  divisor 1: 0.111
#   dynamo=True,  divisor 5: 0.556
#   dynamo=False, divisor 1: 0.111
#   dynamo=False, divisor 5: 0.556
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check \
    torch==2.13.0 onnxscript==0.7.2 onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cat > "$work/divisor.py" <<'PYTHON'
import contextlib
import io
import logging
import warnings

import onnxruntime
import torch


def ratio(divisor, dynamo):
    """Return (least, greatest) quotient of the file's output and torch's."""
    network = torch.nn.AvgPool2d(3, divisor_override=divisor).eval()
    image, file = torch.rand(1, 2, 9, 12) + 0.1, io.BytesIO()
    with warnings.catch_warnings(record=True) as said, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        torch.onnx.export(network, (image,), file, dynamo=dynamo)
    assert not any("divisor" in str(one.message) for one in said)
    session = onnxruntime.InferenceSession(file.getvalue())
    name = session.get_inputs()[0].name
    quotient = session.run(None, {name: image.numpy()})[0] / network(image).numpy()
    print(f"dynamo={dynamo}, divisor {divisor}: {quotient.min():.3f} {quotient.max():.3f}")
    return quotient


logging.disable(logging.WARNING)
torch.set_grad_enabled(False)
for dynamo in (True, False):
    for divisor in (1, 5):
        assert abs(ratio(divisor, dynamo) - divisor / 9).max() < 1e-4, "the divisor is kept now"
PYTHON
"$work/env/bin/python" "$work/divisor.py" 2>/dev/null
