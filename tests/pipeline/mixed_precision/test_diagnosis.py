"""What keeps int8 over its budget, and whether the layers named bring it within in float."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_imgq.contract import ImageContract, PixelRange
from edge_imgq.pipeline.mixed_precision.diagnosis import Words, diagnose, missing_fidelity
from edge_imgq.pipeline.open_model.source import Source
from edge_imgq.pipeline.progress import ProgressStep
from edge_imgq.quantize.quantize import quantize_in_steps
from edge_imgq.quantize.steps.quantization_step import psnr_after
from edge_imgq.recipe.export import Budget
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.report.diagnosis import NO_FILES, NOT_BY_ROUNDING, WITHIN, MixedPrecision
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Drop, Fidelity
from tests.quantize.mixed_precision.worst_layer_network import loud_network, photo
from tests.report.build import INT8

pytestmark = pytest.mark.usefixtures("small_patches")

CONTRACT = ImageContract("image-to-image", 1, "rgb")
RECIPE = QuantizeRecipe("int8", "", "min-max", ("canonical",))
BUDGETS = {"tflite-int8": Budget(0.1, 0.3, 35.0)}
SIZE = (48, 64)
SOURCE = Source("loud", loud_network(), CONTRACT, is_own=False)
WORDS = Words("nets/my net.onnx", "int8", Path("photos"), None, Path("artifacts"), SIZE, True)


def test_few_layers_in_float_mend_what_they_are_said_to_mend() -> None:
    photos, steps = [photo(seed) for seed in range(6)], list[ProgressStep]()
    quantized = quantize_in_steps(loud_network(), RECIPE, CONTRACT, photos)
    found = diagnose(quantized, SOURCE, 10.0, SIZE, WORDS, steps.append)
    assert [layer.name for layer in found.layers] == ["first", "elu"]
    assert isinstance(found.mixed_precision, MixedPrecision)
    assert found.mixed_precision.psnr >= found.wanted > found.psnr + 10
    assert not isinstance(found.mixed_precision.time_in_float, Skipped)
    assert 1 < found.mixed_precision.time < found.mixed_precision.time_in_float
    assert steps
    mixed = replace(RECIPE, precision=dict.fromkeys(found.mixed_precision.layers, "float"))
    again = quantize_in_steps(loud_network(), mixed, CONTRACT, photos)
    assert psnr_after(again.steps) >= psnr_after(quantized.steps) + 10


def test_the_commands_repeat_what_the_person_said() -> None:
    photos = [photo(seed) for seed in range(4)]
    quantized = quantize_in_steps(loud_network(), RECIPE, CONTRACT, photos)
    words = replace(WORDS, pixels=PixelRange(-1, 1), output=Path("out"), scheme="int8-fast")
    mixed = diagnose(quantized, SOURCE, 5.0, SIZE, words, lambda _: None).mixed_precision
    assert isinstance(mixed, MixedPrecision)
    shared = " --size 48x64 --calibration photos --range=-1,1 --output out"
    measuring, exporting = mixed.commands
    assert measuring.startswith("edge-imgq sensitivity 'nets/my net.onnx' --fidelity ")
    assert measuring.endswith(f" --scheme int8-fast{shared}")
    assert exporting == (
        "edge-imgq export 'nets/my net.onnx' --target '*-int8' --scheme 'out/my net/mixed.toml'"
        + shared
    )


def test_a_scheme_that_another_mends_by_itself_takes_one_command() -> None:
    photos = [photo(seed) for seed in range(4)]
    quantized = quantize_in_steps(loud_network(), RECIPE, CONTRACT, photos)
    mixed = diagnose(quantized, SOURCE, 5.0, SIZE, WORDS, lambda _: None).mixed_precision
    assert isinstance(mixed, MixedPrecision)
    assert mixed.commands == (
        "edge-imgq export 'nets/my net.onnx' --target '*-int8' --scheme int8-auto --size 48x64"
        " --calibration photos",
    )


def test_where_more_than_a_few_layers_are_needed_no_recipe_is_promised() -> None:
    photos = [photo(seed) for seed in range(4)]
    quantized = quantize_in_steps(loud_network(), RECIPE, CONTRACT, photos)
    found = diagnose(quantized, SOURCE, 60.0, SIZE, WORDS, lambda _: None)
    assert isinstance(found.mixed_precision, Skipped)
    assert "ship a float file" in found.mixed_precision.reason.lower()


@pytest.mark.parametrize(
    ("drop", "worst", "psnr", "lacks"),
    [
        (0.05, 0.2, 36.0, None),
        (0.05, 0.2, 34.0, 1.0),
        (1.0, 0.2, 36.0, 10 * np.log10((10**0.1 - 1) / (10**0.01 - 1))),
        (0.05, 3.0, 36.0, 10 * np.log10((10**0.3 - 1) / (10**0.03 - 1))),
    ],
)
def test_the_fidelity_that_is_missing_follows_from_the_budget(
    drop: float, worst: float, psnr: float, lacks: float | None
) -> None:
    fidelity = Fidelity(psnr, psnr - 1, "a")
    target = replace(
        INT8, drop=Drop(drop, worst, "a", 32.0, 31.5), vs_reference=fidelity, quantization=fidelity
    )
    found = missing_fidelity([target], BUDGETS)
    assert found == (WITHIN if lacks is None else pytest.approx(lacks))


def test_without_a_file_nothing_is_said_to_be_within_budget() -> None:
    assert missing_fidelity([], BUDGETS) == NO_FILES


def test_a_loss_in_the_writing_of_a_file_is_not_laid_on_layers() -> None:
    far, near = (Fidelity(psnr, psnr, "a") for psnr in (30.0, 50.0))
    target = replace(INT8, vs_reference=far, quantization=near)
    assert missing_fidelity([target], BUDGETS) == NOT_BY_ROUNDING
