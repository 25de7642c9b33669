"""What crops say becomes what is said of a photograph, and advice."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.models.measures import MEASURES, REPAIRS, SEEN
from edge_imgq.pipeline.assess import assess_pixels, weighted_quantile
from edge_imgq.pipeline.enhance.enhancer import open_enhancer
from edge_imgq.report.assessment import ClassicalMeasures
from edge_imgq.report.assessment_text import assessment_text

NAMES = [measure.name for measure in MEASURES]
CLEAN = {
    **{"noise": 0.0, "jpeg_quality": 100.0, "blur": 0.0, "elongation": 0.0},
    **{"exposure": 0.0, "psnr": 50.0, **dict.fromkeys(REPAIRS, -3.0)},
}
PHOTO = np.zeros((192, 192, 3), np.uint8)


def answers(*crops: dict[str, float], sure: tuple[float, ...] = ()):
    """Return a network that says these values of the crops, each with a sureness."""

    def predict(pixels: np.ndarray) -> np.ndarray:
        assert pixels.shape == (len(crops), 96, 96, 3)
        spreads = sure or (0.5,) * len(crops)
        numbers = [{**CLEAN, **crop, "upscaling": 0.0} for crop in crops]
        return np.array(
            [
                [*(values[name] for name in NAMES), *[np.log(spread)] * len(NAMES)]
                for values, spread in zip(numbers, spreads, strict=True)
            ],
            np.float32,
        )

    return predict


def test_a_clean_photograph_is_left_alone() -> None:
    found = assess_pixels(PHOTO, "p.png", answers(*[{}] * 4))
    assert found.advice == ()
    assert not found.blurred
    assert found.jpeg_quality.value == pytest.approx(100.0)
    assert found.upscaling.value == pytest.approx(1.0)
    assert (found.source, found.size) == ("p.png", (192, 192))


def test_the_sure_crops_decide() -> None:
    noisy, flat = {"noise": 20.0}, {"noise": 5.0}
    found = assess_pixels(PHOTO, "p", answers(noisy, flat, flat, flat, sure=(0.1, 5.0, 5.0, 5.0)))
    assert found.noise.value == pytest.approx(20.0, abs=1.0)
    assert found.noise.unit == "levels"


def test_gains_add_up_as_errors_do() -> None:
    """Of two crops of 20 and 40 dB, the first has 99 % of the error, so its gain is the whole's."""
    bad, good = {"psnr": 20.0, "denoise-slim": 3.0}, {"psnr": 40.0, "denoise-slim": -4.0}
    found = assess_pixels(PHOTO, "p", answers(bad, bad, good, good))
    mse = [10**-2.0, 10**-2.0, 10**-4.0, 10**-4.0]
    after = [10**-2.3, 10**-2.3, 10**-3.6, 10**-3.6]
    (gain,) = [one.gain.value for one in found.gains if one.model == "denoise-slim"]
    assert gain == pytest.approx(10 * np.log10(sum(mse) / sum(after)), abs=1e-3)
    assert found.advice == ("denoise-slim",)


def test_the_network_that_gains_most_is_advised_if_it_is_worth_it() -> None:
    both = {"psnr": 25.0, "denoise-slim": 1.0, "jpeg-slim": 2.0}
    found = assess_pixels(PHOTO, "p", answers(*[both] * 4))
    assert found.advice == ("jpeg-slim",)
    assert [one.model for one in found.gains[:2]] == ["jpeg-slim", "denoise-slim"]
    hardly = {"psnr": 25.0, "denoise-slim": 0.1}
    assert assess_pixels(PHOTO, "p", answers(*[hardly] * 4)).advice == ()


def test_what_enhance_would_refuse_is_not_advised() -> None:
    blurred = {"psnr": 25.0, "deblur-slim": 2.0, "jpeg-slim": 1.0}
    found = assess_pixels(PHOTO[:100, :140], "p", answers(*[blurred] * 2))
    assert found.advice == ("jpeg-slim",)
    for name, side in SEEN.items():
        radius = open_enhancer(name, 1).radius
        assert radius is not None
        assert side == 2 * radius + 1, name


def test_tones_are_left_to_people() -> None:
    found = assess_pixels(PHOTO, "p", answers(*[{"psnr": 15.0, "dped-slim": 6.0}] * 4))
    assert found.gains[0].model == "dped-slim"
    assert found.advice == ()


def test_a_gray_photograph_is_assessed_in_three_equal_channels() -> None:
    def predict(pixels: np.ndarray) -> np.ndarray:
        assert (pixels == pixels[..., :1]).all()
        return answers(*[{}] * len(pixels))(pixels)

    gray = np.random.default_rng(0).integers(0, 256, (192, 192, 1), np.uint8)
    classical = assess_pixels(gray, "gray", predict).classical
    assert isinstance(classical, ClassicalMeasures)
    assert classical.noise > 20


def test_a_weighted_median_lies_where_half_of_the_weight_does() -> None:
    values, even = np.array([3.0, 1.0, 2.0], np.float32), np.ones(3, np.float32)
    assert weighted_quantile(values, even, 0.5) == pytest.approx(2.0)
    assert weighted_quantile(values, np.array([9.0, 1.0, 1.0], np.float32), 0.5) > 2.5
    assert weighted_quantile(values[:1], even[:1], 0.5) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("side", "gains", "said"),
    [
        (192, {"denoise-slim": 0.1}, "it is; no network that may be advised gains 0.15 dB or more"),
        (192, {"dped-slim": 1.1}, "it is; dped-slim changes tones, and whether these are meant"),
        (50, {"denoise-slim": 2.0}, "leave it as it is; denoise-slim needs 75 pixels on each side"),
        (
            *(60, {"denoise-slim": 8.0, "jpeg-slim": 1.8}),
            "advice: jpeg-slim; denoise-slim needs 75 pixels on each side",
        ),
        (192, {"denoise-slim": 8.0, "dped-slim": 1.8}, "advice: denoise-slim\n"),
    ],
)
def test_the_advice_says_why_a_network_that_gains_more_is_passed_over(
    side: int, gains: dict[str, float], said: str
) -> None:
    crops = [{"psnr": 25.0, **gains}] * (4 if side > 96 else 1)
    text = assessment_text(assess_pixels(PHOTO[:side, :side], "p.png", answers(*crops)))
    assert said in text
    assert ("cannot be seen" in text) == ("changes tones" in text)
    assert max(map(len, text.splitlines())) <= 80
