"""Text table of the per-layer cost of int8, with a legend."""

from __future__ import annotations

from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
from edge_imgq.report.drawing import ABSENT, draw, new_table, wrapped
from edge_imgq.report.sensitivity import ChosenPrecision, Sensitivity, comparison

LEGEND = (
    "alone: dB between the images with this layer alone in int8 and with none, both rounded to "
    "pixels. weights, output: its part in the squared error of all layers, by rounding its weights "
    "and what it writes. time: estimated part in the time of an int8 file; `edge-imgq bench` "
    "measures."
)


def sensitivity_table(sensitivity: Sensitivity) -> str:
    """Return a sensitivity analysis as text: a table with a row per layer, and a legend.

    Columns are PSNR in dB with this layer alone in int8, its shares of the squared error by weights
    and output, and its share of the estimated time. The layers chosen for float follow, if any.
    """
    table = new_table("layer", "kind", "precision", ">alone", ">weights", ">output", ">time")
    for layer in sensitivity.layers:
        table.add_row(*_cells(layer))
    heading = wrapped(
        f"{sensitivity.model}, {sensitivity.scheme}: {sensitivity.psnr:.1f} dB against the float "
        f"model, on patches of {sensitivity.calibration} (edge-imgq {sensitivity.version})"
    )
    paragraphs = [heading, draw(table), wrapped(LEGEND)]
    if sensitivity.choice is not None:
        paragraphs.append(wrapped(_choice(sensitivity.choice)))
    return "\n\n".join(paragraphs)


def _cells(layer: LayerCost) -> tuple[str, ...]:
    return (
        layer.name,
        layer.kind,
        layer.precision or "follows",
        f"{layer.psnr:.1f}",
        _percent(layer.weights),
        _percent(layer.output),
        _percent(layer.time),
    )


def _percent(share: float) -> str:
    return f"{share:.1%}" if share else ABSENT


def _choice(choice: ChosenPrecision) -> str:
    layers = ", ".join(choice.layers) or "none"
    return (
        f"{choice.reached:.1f} dB, for {choice.wanted:.1f} wanted, at about {choice.time:.2f} "
        f"times the time, with these layers in float: {layers}.{comparison(choice)} The recipe is "
        f"{choice.recipe}."
    )
