"""What crops say becomes what is said of a photograph, and advice."""

from __future__ import annotations

import numpy as np
import pytest

from edge_imgq.models.measures import DETAIL_GAINS, MEASURES, REPAIRS, SEEN, TONE_GAINS
from edge_imgq.pipeline.assess import assess_pixels, weighted_quantile
from edge_imgq.pipeline.enhance.enhancer import open_enhancer
from edge_imgq.report.assessment import ClassicalMeasures
from edge_imgq.report.assessment_text import assessment_text

NAMES = [measure.name for measure in MEASURES]
CLEAN = {
    **{"noise": 0.0, "jpeg_quality": 100.0, "blur": 0.0, "elongation": 0.0, "upscaling": 0.0},
    **{"psnr": 50.0, **dict.fromkeys(REPAIRS[:3], -3.0)},
}
UNCHANGED = {"exposure": 0.0, "psnr": 51.0, **dict.fromkeys(TONE_GAINS, -4.0)}
PHOTO = np.zeros((192, 192, 3), np.uint8)


def answers(
    *crops: dict[str, float],
    sure: tuple[float, ...] = (),
    tones: dict[str, float] | None = None,
    uncertainty: float = 0.5,
):
    """Return a network that says these values of crops, each with a sureness, and of tones.

    What it says of tones in crops, and of detail in the sample, is absurd.
    """
    of_crops = {**DETAIL_GAINS, "psnr": "detail_psnr"}
    of_tones = {**TONE_GAINS, "psnr": "tone_psnr"}

    def predict(pixels: np.ndarray) -> np.ndarray:
        assert pixels.shape == (len(crops) + 1, 96, 96, 3)
        uncertainties = (*(sure or (0.5,) * len(crops)), uncertainty)
        said = [(of_crops, {**CLEAN, **crop}) for crop in crops]
        said.append((of_tones, {**UNCHANGED, **(tones or {})}))
        numbers = [
            {**dict.fromkeys(NAMES, 9.0), **{names.get(n, n): value for n, value in one.items()}}
            for names, one in said
        ]
        return np.array(
            [
                [*(values[name] for name in NAMES), *[np.log(uncertainty)] * len(NAMES)]
                for values, uncertainty in zip(numbers, uncertainties, strict=True)
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


@pytest.mark.parametrize(
    ("good_uncertainty", "after"),
    [(0.5, (2.125, 3.775)), (50.0, (2.3, 3.95))],
    ids=["sure", "unsure"],
)
def test_gains_add_up_as_errors_do(good_uncertainty: float, after: tuple[float, float]) -> None:
    """Crops of 20 dB have 99 % of the error; half of a crop's gain is the mean of the sure ones."""
    bad = {"psnr": 20.0, "noise": 9.0, "denoise-slim": 3.0}
    good = {"psnr": 40.0, "noise": 9.0, "denoise-slim": -4.0}
    sure = (0.5, 0.5, good_uncertainty, good_uncertainty)
    found = assess_pixels(
        PHOTO, "p", answers(bad, bad, good, good, sure=sure, tones={"psnr": 90.0})
    )
    mse = [10**-2.0, 10**-4.0]
    (gain,) = [one.gain.value for one in found.gains if one.model == "denoise-slim"]
    left = sum(10**-exponent for exponent in after)
    assert gain == pytest.approx(10 * np.log10(sum(mse) / left), abs=1e-3)
    assert found.advice == ("denoise-slim",)


def test_the_network_that_gains_most_is_advised_if_it_is_worth_it() -> None:
    both = {"psnr": 25.0, "denoise-slim": 1.0, "jpeg-slim": 2.0}
    found = assess_pixels(PHOTO, "p", answers(*[both] * 4))
    assert found.advice == ("jpeg-slim",)
    assert [one.model for one in found.gains[:2]] == ["jpeg-slim", "denoise-slim"]
    hardly = {"psnr": 25.0, "noise": 9.0, "denoise-slim": 0.08}
    assert assess_pixels(PHOTO, "p", answers(*[hardly] * 4)).advice == ()


def test_what_enhance_would_refuse_is_not_advised() -> None:
    blurred = {"psnr": 25.0, "deblur-slim": 2.0, "jpeg-slim": 1.0}
    found = assess_pixels(PHOTO[:100, :140], "p", answers(*[blurred] * 2))
    assert found.advice == ("jpeg-slim",)
    for name, side in SEEN.items():
        radius = open_enhancer(name, 1).radius
        assert radius is not None
        assert side == 2 * radius + 1, name


def test_tones_are_those_of_the_sample_and_mended_where_their_gain_is_sure() -> None:
    dark = {"exposure": -1.0, "psnr": 15.0, "dped-slim": 3.0}
    sure = assess_pixels(PHOTO, "p", answers(*[{}] * 4, tones=dark, uncertainty=1.0))
    assert sure.exposure.value == pytest.approx(-1.0)
    assert sure.psnr.value == pytest.approx(15.0, abs=0.01)
    assert (sure.gains[0].model, sure.gains[0].gain.value) == (
        "dped-slim",
        pytest.approx(3, abs=0.02),
    )
    assert sure.advice == ("dped-slim",)
    unsure = assess_pixels(PHOTO, "p", answers(*[{}] * 4, tones=dark, uncertainty=3.0))
    assert unsure.gains[0].model == "dped-slim"
    assert unsure.advice == ()


def test_a_network_for_detail_is_not_advised_for_tones_unless_that_gain_is_sure() -> None:
    pale = {"exposure": 0.4, "psnr": 20.0, "deblur-slim": 0.3}
    sure = assess_pixels(PHOTO, "p", answers(*[{}] * 4, tones=pale, uncertainty=0.1))
    assert sure.advice == ("deblur-slim",)
    assert sure.gains[0].adjusted == pytest.approx(0.2, abs=0.03)
    unsure = assess_pixels(PHOTO, "p", answers(*[{}] * 4, tones=pale, uncertainty=0.3))
    assert unsure.gains[0].gain.value == pytest.approx(0.3, abs=0.03)
    assert unsure.advice == ()
    assert "deblur-slim changes tones, and these may be meant" in assessment_text(unsure)


def test_what_is_gained_on_tones_and_on_detail_counts_as_much_as_their_errors_do() -> None:
    """Of errors of 20 and 17 dB, each repair mends one, and `deblur-slim` a little of both."""
    noisy = {"psnr": 20.0, "denoise-slim": 6.0, "deblur-slim": 0.5}
    dark = {"psnr": 17.0, "dped-slim": 4.0, "deblur-slim": 0.25}
    found = assess_pixels(PHOTO, "p", answers(*[noisy] * 4, tones=dark))
    before = 10**-2.0 + 10**-1.7
    after = {
        "denoise-slim": 10**-2.6 + 10**-1.7,
        "dped-slim": 10**-2.0 + 10**-2.1,
        "deblur-slim": 10**-2.05 + 10**-1.725,
    }
    gains = {one.model: one.gain.value for one in found.gains}
    for name, errors in after.items():
        assert gains[name] == pytest.approx(10 * np.log10(before / errors), abs=1e-3), name
    uncertainties = {one.model: one.gain.uncertainty for one in found.gains}
    # A gain on tones alone is as unsure as the share of tones in what is left.
    assert uncertainties["dped-slim"] == pytest.approx(
        0.5 * 10**-2.1 / after["dped-slim"], abs=1e-3
    )
    assert uncertainties["deblur-slim"] == pytest.approx(0.5, abs=1e-3)
    assert found.psnr.value == pytest.approx(-10 * np.log10(before), abs=1e-3)
    assert found.advice == ("dped-slim",)


def test_the_sample_is_of_pixels_from_all_over_the_photograph() -> None:
    photo = np.zeros((192, 384, 3), np.uint8)
    photo[:, 192:, 0] = 200

    def predict(pixels: np.ndarray) -> np.ndarray:
        assert (pixels[-1, :, :48] == 0).all()
        assert (pixels[-1, :, 48:, 0] == 200).all()
        return answers(*[{}] * 8)(pixels)

    assess_pixels(photo, "p", predict)


def test_a_gray_photograph_is_assessed_in_three_equal_channels() -> None:
    def predict(pixels: np.ndarray) -> np.ndarray:
        assert (pixels == pixels[..., :1]).all()
        return answers(*[{}] * (len(pixels) - 1))(pixels)

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
    ("gains", "said"),
    [
        ({"deblur-slim": -0.1}, "advice: deblur-slim\n"),
        ({"deblur-slim": -0.25}, "leave it as it is"),
        (
            {"deblur-slim": 0.3, "jpeg-slim": 0.5},
            "advice: deblur-slim; the estimate for deblur-slim is the more cautious\n",
        ),
    ],
)
def test_six_tenths_of_an_uncertainty_are_added_to_what_is_gained_by_sharpening(
    gains: dict[str, float], said: str
) -> None:
    predict = answers(*[{"psnr": 25.0, **gains}] * 4, tones={"psnr": 90.0})
    assert said in assessment_text(assess_pixels(PHOTO, "p.png", predict))


@pytest.mark.parametrize(
    ("softness", "advice"),
    [
        ({"blur": 0.25, "upscaling": np.log2(1.25)}, ()),
        ({"blur": 0.35}, ("deblur-slim",)),
        ({"upscaling": np.log2(1.4)}, ("deblur-slim",)),
    ],
    ids=["neither", "blurred", "enlarged"],
)
def test_sharpening_is_preferred_where_a_photograph_is_blurred_or_enlarged(
    softness: dict[str, float], advice: tuple[str, ...]
) -> None:
    """1.5 of its uncertainty of 0.5 count for a gain on detail, and none against one on tones."""
    detail = {"psnr": 25.0, "deblur-slim": -0.5, **softness}
    found = assess_pixels(PHOTO, "p", answers(*[detail] * 4, tones={"psnr": 90.0}))
    assert found.advice == advice
    pale = {"exposure": 0.4, "psnr": 20.0, "deblur-slim": 0.3}
    found = assess_pixels(
        PHOTO, "p", answers(*[softness] * 4, tones=pale, sure=(0.1,) * 4, uncertainty=0.3)
    )
    assert found.advice == advice


@pytest.mark.parametrize(
    ("side", "gains", "said"),
    [
        (192, {"denoise-slim": 0.05}, "it is; no network that may be advised gains 0.1 dB or more"),
        (192, {"dped-slim": 0.4}, "it is; dped-slim changes tones, and these may be meant"),
        (50, {"denoise-slim": 2.0}, "leave it as it is; denoise-slim needs 75 pixels on each side"),
        (
            *(60, {"denoise-slim": 8.0, "jpeg-slim": 1.8}),
            "advice: jpeg-slim; denoise-slim needs 75 pixels on each side",
        ),
        (192, {"noise": 9.0, "denoise-slim": 8.0, "dped-slim": 0.8}, "advice: denoise-slim\n"),
        (192, {"noise": 0.5, "denoise-slim": 8.0}, "denoise-slim finds less than 1 level of noise"),
        (192, {"denoise-slim": 0.2, "dped-slim": 6.0}, "advice: dped-slim\n"),
    ],
)
def test_the_advice_says_why_a_network_that_gains_more_is_passed_over(
    side: int, gains: dict[str, float], said: str
) -> None:
    crops = [{"psnr": 25.0, **gains}] * (4 if side > 96 else 1)
    predict = answers(*crops, tones={"psnr": 25.0, "deblur-slim": 0.0, "dped-slim": -3.0, **gains})
    text = assessment_text(assess_pixels(PHOTO[:side, :side], "p.png", predict))
    assert said in text
    assert ("may be meant" in text) == ("changes tones" in text)
    assert max(map(len, text.splitlines())) <= 80
