"""The page of a check: the result first, all it shows inside, and names shown as they stand."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from edge_imgq.quantize.mixed_precision.layer_costs import LayerCost
from edge_imgq.report.baseline import updated
from edge_imgq.report.baseline_comparison import BaselineComparison
from edge_imgq.report.check_page import SIDE, check_page
from edge_imgq.report.history import HistoryEntry
from edge_imgq.report.image_comparison import ImageComparison
from edge_imgq.report.sensitivity import Sensitivity
from edge_imgq.report.verdict import Verdict, judge
from edge_imgq.verify.drift import Fidelity
from tests.report.build import REPORT, with_target

BASELINE = updated(None, [REPORT])
PLACE = ("fsrcnn-x2", "tflite-int8")
VOID = {"meta", "link", "input", "img"}


class Reader(HTMLParser):
    """Elements with their attributes, the text, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.texts += data.split()


def image_comparison(
    name: str, side: int = 300, channels: int = 3, seed: int = 1
) -> ImageComparison:
    """Return an image of noise, and the same with one square two levels brighter."""
    image = np.random.default_rng(seed).integers(0, 200, (side, side + 40, channels), np.uint8)
    other = image.copy()
    other[side - 60 : side - 40, 10:40] += 2
    return ImageComparison(name, 52.1, image, other)


def made(*more: Verdict, pictures=None) -> Reader:
    report = with_target(vs_reference=Fidelity(40.0, 39.0, "a"))
    comparison = BaselineComparison((*judge([report], BASELINE), *more), (report,), BASELINE)
    reader = Reader(check_page(comparison, pictures or {}))
    assert reader.open == []
    return reader


def decoded(uri: str | None) -> np.ndarray:
    assert uri is not None
    data = base64.b64decode(uri.removeprefix("data:image/webp;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_the_result_comes_first_and_no_colour_stands_alone() -> None:
    reader = made()
    text = " ".join(reader.texts)
    title = "FAIL: 2 of 2 targets (2 regressed)."
    assert text.startswith(f"{title} ✖ {title} fsrcnn-x2: super-resolution ×2")
    assert "40.00 (was 46.70)" in text
    outcomes = [a for t, a in reader.elements if t == "td" and "outcome" in (a["class"] or "")]
    assert [a["class"] for a in outcomes] == ["outcome regressed"] * 2
    assert text.count("✖ regressed") == 4
    assert "vs_reference_mean went from 46.7 to 40 dB (tolerance 0.5 dB)" in text
    assert "astronaut 44.80 0.100" in text


def test_the_page_asks_for_nothing() -> None:
    reader = made(pictures={PLACE: [image_comparison("cat")]})
    policies = [a for t, a in reader.elements if t == "meta" and "http-equiv" in a]
    assert (policies[0]["content"] or "").startswith("default-src 'none'; img-src data:;")
    for _tag, attributes in reader.elements:
        for key in ("src", "href"):
            assert (attributes.get(key) or "data:").startswith("data:")


def test_what_is_shown_is_shown_as_it_stands() -> None:
    hostile = Verdict("<script>1</script>", '"><b>', "tampered", True, ("{{ 7 * 7 }} <i>",))
    reader = made(hostile)
    assert sum(tag == "script" for tag, _ in reader.elements) == 1
    assert not {"b", "i"} & {tag for tag, _ in reader.elements}
    assert "{{ 7 * 7 }} <i>" in " ".join(reader.texts)


@pytest.mark.parametrize(("side", "channels"), [(300, 3), (300, 1), (100, 3)])
def test_pictures_are_without_loss_and_where_the_file_is_off_most(side: int, channels: int) -> None:
    shown = image_comparison("cat", side, channels)
    reader = made(pictures={PLACE: [shown]})
    images = [a for t, a in reader.elements if t == "img"]
    one, other, errors = (decoded(image["src"]) for image in images)
    assert one.shape[:2] == (min(side, SIDE), min(side + 40, SIDE))
    difference = other.astype(int) - one
    assert set(np.unique(difference)) == {0, 2}
    assert (difference != 0).any(axis=2).sum() == 20 * 30
    assert (errors != errors[0, 0]).any(axis=2).sum() == 20 * 30
    rows, columns = re.findall(r"(\d+) to \d+", " ".join(reader.texts))[-2:]
    top, left = int(rows), int(columns)
    wanted = shown.float_image[top : top + SIDE, left : left + SIDE]
    np.testing.assert_array_equal(one[..., :channels], wanted)


def test_every_control_has_a_label_and_every_scrolled_place_a_key() -> None:
    reader = made(pictures={PLACE: [image_comparison("cat"), image_comparison("dog")]})
    labels = {a["for"] for t, a in reader.elements if t == "label"}
    controls = [a for t, a in reader.elements if t in ("input", "select")]
    assert len(controls) == 4
    assert {a["id"] for a in controls} == labels
    windows = [a for t, a in reader.elements if a.get("class") == "window"]
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in windows)
    assert all(a["alt"] for t, a in reader.elements if t == "img")


def test_the_same_image_of_two_targets_has_two_names() -> None:
    other = ("another", "tflite-int8")
    reader = made(
        Verdict(*other, "tampered", True),
        pictures={PLACE: [image_comparison("cat")], other: [image_comparison("cat")]},
    )
    labels = [a["aria-label"] for t, a in reader.elements if a.get("class") == "window"]
    assert len(labels) == len(set(labels)) >= 4


def test_ten_pictures_stay_below_three_megabytes_and_more_are_counted() -> None:
    noise = [image_comparison(f"image {seed}", seed=seed) for seed in range(14)]
    report = with_target(vs_reference=Fidelity(40.0, 39.0, "a"))
    comparison = BaselineComparison(judge([report], BASELINE), (report,), BASELINE)
    text = check_page(comparison, {PLACE: noise})
    assert len(text.encode()) < 3_000_000
    left_out = int(re.findall(r"<p>Of the pictures, (\d+) more are left out", text)[0])
    assert text.count('<section class="picture"') == 14 - left_out


RUN = HistoryEntry(
    *("2026-11-01T10:00:00+00:00", "0.1.0", "fsrcnn-x2", "tflite-int8.tflite", "ab" * 6),
    *("host: a phone & a cable", "LiteRT"),
    **{"vs_float": 46.71, "drop": -0.00001, "median_ms": 12.34, "disturbed": True},
)


def test_earlier_runs_of_the_models_stand_below_the_newest_first() -> None:
    report = with_target()
    comparison = BaselineComparison(judge([report], BASELINE), (report,), BASELINE)
    later = replace(RUN, when="2026-11-02T10:00:00+00:00", vs_float=None, median_ms=None)
    other = replace(RUN, model="another")
    reader = Reader(check_page(comparison, {}, (RUN, later, other)))
    assert reader.open == []
    text = " ".join(reader.texts)
    history = text.partition("History")[2]
    assert "fsrcnn-x2 tflite-int8.tflite: 2 runs" in history
    assert history.index("2026-11-02") < history.index("2026-11-01")
    assert "46.7 0.000 12.3 ? host: a phone & a cable" in history
    assert f"{'ab' * 6} — 0.000 — host" in history
    assert "another" not in text
    assert "History" not in " ".join(Reader(check_page(comparison, {}, (other,))).texts)


def test_layers_are_shown_with_their_parts() -> None:
    layer = LayerCost("<conv>", "Conv", "", 57.34, 0.4, 0.25, 0.5, "b")
    same = LayerCost("last", "Conv", "float", 120.0, 0.0, 0.0, 0.5, "c")
    found = Sensitivity("m", "0.1", "int8", "8 images", 58.1, (layer, same), "", "", "")
    comparison = BaselineComparison(judge([REPORT], BASELINE), (REPORT,), BASELINE)
    reader = Reader(check_page(comparison, {}, layers=[found]))
    text = " ".join(reader.texts)
    assert "m in int8: 58.1 dB to the float model with all layers" in text
    assert "<conv> Conv follows 57.3 65.0 % 50.0 %" in text
    assert "last Conv float same 0.0 % 50.0 %" in text
    assert "Layers" not in Reader(check_page(comparison, {})).texts
