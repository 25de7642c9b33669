"""What each layer of a model costs, and the layers that a budget keeps in float: one value."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.quantize.layer_costs import LayerCost


@dataclass(frozen=True)
class ChosenPrecision:
    """Layers that are kept in float so that the image comes near enough.

    Attributes:
        layers: their names.
        wanted: dB between images of the float model and of the quantized graph.
        reached: dB of the graph quantized anew with these layers in float, mean over patches.
        time: estimated time of a file, of that with all layers in int8.
        recipe: path of the recipe that says so.
    """

    layers: tuple[str, ...]
    wanted: float
    reached: float
    time: float
    recipe: str


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
        choice: what a budget asks for; None without a budget.
    """

    model: str
    version: str
    scheme: str
    calibration: str
    psnr: float
    layers: tuple[LayerCost, ...]
    choice: ChosenPrecision | None = None
