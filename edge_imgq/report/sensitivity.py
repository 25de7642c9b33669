"""What each layer of a model costs, and the layers that a budget keeps in float: one value."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
from edge_imgq.report.diagnosis import CLEARLY

FILE = "sensitivity.json"
"""Below a model's folder."""


@dataclass(frozen=True)
class ChosenPrecision:
    """Layers that are kept in float so that the image comes near enough.

    Attributes:
        layers: their names.
        wanted: dB between images of the float model and of the quantized graph.
        reached: dB of the graph quantized anew with these layers in float, mean over patches.
        time: estimated time of a file, of that with all layers in int8.
        recipe: path of the recipe that says so.
        time_in_float: estimated time of a float file, in the same unit; None where none is made.
    """

    layers: tuple[str, ...]
    wanted: float
    reached: float
    time: float
    recipe: str
    time_in_float: float | None = None


def comparison(choice: ChosenPrecision) -> str:
    """Return a sentence that sets a choice beside a float file, with the space before it; or ""."""
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
    """One run of `sensitivity`.

    Attributes:
        model: its name.
        version: of edge-imgq.
        scheme: quantization recipe that the graph was made by.
        calibration: the images whose patches were compared, in words.
        psnr: dB with everything quantized, mean over patches that no step learned from.
        layers: what each costs, in their order.
        reference_sha256: digest of the float reference that an export of the model writes.
        calibration_sha256: digest of the images that scales came from.
        images_sha256: digest of those that were measured on; their patches, where they are the
            same.
        choice: what a budget asks for; None without a budget.
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
