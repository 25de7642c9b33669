"""Words of messages."""

from __future__ import annotations

import pytest

from edge_imgq.wording import count_of, did_you_mean, no_such

NETWORKS = ("fsrcnn-x2", "fsrcnn-x3", "fsrcnn-x4", "dped-slim", "deblur-slim")


@pytest.mark.parametrize(
    ("word", "question"),
    [
        ("DPED", " Did you mean 'dped-slim'?"),
        ("fsrcn-x2", " Did you mean 'fsrcnn-x2'?"),
        ("fsrcnn", " Did you mean 'fsrcnn-x2', 'fsrcnn-x3' or 'fsrcnn-x4'?"),
        ("resnet", ""),
    ],
)
def test_a_word_that_is_not_known_may_mean_those_nearest_to_it(word: str, question: str) -> None:
    assert did_you_mean(word, NETWORKS) == question


def test_a_beginning_that_all_words_share_makes_none_of_them_near() -> None:
    schemes = ("int8", "int8-auto", "int8-fast", "int8-symmetric", "int8-thorough")
    assert did_you_mean("int8-quick", schemes) == ""
    assert did_you_mean("int8-thorogh", schemes) == " Did you mean 'int8-thorough'?"
    assert did_you_mean("int8-fats", schemes) == " Did you mean 'int8-fast'?"


def test_many_words_equally_near_are_no_guess() -> None:
    assert did_you_mean("fsrcnn", [f"fsrcnn-x{scale}" for scale in range(2, 6)]) == ""
    assert did_you_mean("fsrcnn", ()) == ""


def test_what_there_is_comes_after_the_guess() -> None:
    said = no_such("device", "hots", {"host": 1, "arm64": 2})
    assert said == "There is no device 'hots'. Did you mean 'host'? There are host, arm64."


def test_one_thing_has_no_plural() -> None:
    found = [count_of(number, "pair") for number in range(3)]
    assert found == ["0 pairs", "1 pair", "2 pairs"]
