"""PSNR between a quantized graph and the float model on held-out patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.ports.port_feeds import session_entries, split_ports
from edge_imgq.graph.shapes.size import open_input
from edge_imgq.runtime.onnxruntime import inference_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME = 100.0
"""Largest PSNR of a patch in dB, so that the mean over identical patches is finite."""


class HeldOutPsnr:
    """Compares quantized graphs with the float model on held-out patches."""

    def __init__(self, reference: ir.Model, batch: NDArray[np.float32], peak: float) -> None:
        """Run the float model on the patches.

        Args:
            reference: float model.
            batch: patches, float32 (N, C, H, W), 0 … peak.
            peak: float value of pixel 255.
        """
        self._batch, self._peak = batch, peak
        self._wanted = self._images(reference, optimise=True)

    def psnr(self, quantized: ir.Model) -> float:
        """Compute the PSNR in dB between images clipped to 0 … peak, mean over patches.

        Outputs are not rounded further. Each patch counts as at most 100 dB. Of several outputs the
        first is compared.
        """
        difference = self._images(quantized, optimise=False) - self._wanted
        errors = np.mean(np.square(difference, dtype=np.float64), axis=(1, 2, 3))
        least = self._peak**2 / 10 ** (SAME / 10)
        return float(np.mean(10 * np.log10(self._peak**2 / np.maximum(errors, least))))

    def _images(self, model: ir.Model, *, optimise: bool) -> NDArray[np.float32]:
        proto = ir.to_proto(model)
        open_input(proto)
        session: Any = inference_session(proto.SerializeToString(), optimise=optimise)
        entries = session_entries(session)
        feeds = (split_ports(patch[np.newaxis], entries) for patch in self._batch)
        images = [session.run(None, fed)[0] for fed in feeds]
        result: NDArray[np.float32] = np.concatenate(images).clip(0, self._peak)
        return result
