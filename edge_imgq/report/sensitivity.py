"""Per-layer cost of int8, and the layers that are kept in float to meet a budget."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
from edge_imgq.report.diagnosis import CLEARLY

FILE = "sensitivity.json"
"""File name of a sensitivity analysis in a model's folder."""


@dataclass(frozen=True)
class ChosenPrecision:
    """Layers that are kept in float to reach a PSNR against the float model.

    Attributes:
        layers: Layer names.
        wanted: Requested PSNR of the quantized graph against the float model, in dB.
        reached: PSNR of the graph quantized again with these layers in float, in dB, mean over
            patches.
        time: Estimated time of the mixed file as a multiple of the time in int8.
        recipe: Path of the recipe that lists the layers.
        time_in_float: Estimated time of a float file, in the same unit; None without a float file.
    """

    layers: tuple[str, ...]
    wanted: float
    reached: float
    time: float
    recipe: str
    time_in_float: float | None = None


def comparison(choice: ChosenPrecision) -> str:
    """Return a sentence that compares mixed precision with a float file, with a leading space.

    It gives the float file's time as a multiple of int8's, and advises to ship it unless it takes
    over 1.25 times the time of mixed precision. "" without a float file.
    """
    if choice.time_in_float is None:
        return ""
    said = f" A float file takes about {choice.time_in_float:.2f} times"
    if choice.time_in_float <= choice.time:
        return f"{said} and loses nothing: ship float."
    if choice.time_in_float <= CLEARLY * choice.time:
        return f"{said}, which is no clear gain, and loses nothing: ship float."
    return f"{said}."


@dataclass(frozen=True)
class Sensitivity:
    """Result of `edge-imgq sensitivity`.

    Attributes:
        model: Model name.
        version: Version of edge-imgq.
        scheme: Quantization recipe of the graph.
        calibration: Description of the images whose patches were compared.
        psnr: PSNR in dB with all layers quantized, mean over held-out patches.
        layers: Cost of each layer, in graph order.
        reference_sha256: SHA-256 of the float reference that an export of the model writes.
        calibration_sha256: SHA-256 of the calibration images.
        images_sha256: SHA-256 of the measured images, or of their patches if these are the
            calibration images.
        choice: Layers chosen to meet a budget; None without a budget.
    """

    model: str
    version: str
    scheme: str
    calibration: str
    psnr: float
    layers: tuple[LayerCost, ...]
    reference_sha256: str
    calibration_sha256: str
    images_sha256: str
    choice: ChosenPrecision | None = None
