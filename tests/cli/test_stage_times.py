"""How long a stage takes still, and how that is said."""

from __future__ import annotations

import pytest

from edge_imgq.cli.stage_times import StageTimes, in_words
from edge_imgq.pipeline.progress import ProgressStep


def test_time_left_is_that_of_the_count_that_runs() -> None:
    times = StageTimes(ProgressStep("verify on a", 0, 4), 100.0)
    assert times.left(ProgressStep("verify on a", 0, 4), 100.0) is None
    assert times.left(ProgressStep("verify on b", 1, 4), 110.0) == 30.0
    assert times.left(ProgressStep("verify on a 90x90", 0, 4), 140.0) is None
    assert times.left(ProgressStep("verify on c 90x90", 2, 4), 144.0) == 4.0
    assert times.left(ProgressStep("verify on a", 2, 8), 150.0) is None
    assert times.left(ProgressStep("verify on a", 3, 8), 151.0) == 5.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 0 s")),
        *((3599.4, "59 min 59 s"), (3600, "1 h 0 min"), (7500, "2 h 5 min")),
    ],
)
def test_durations_are_said_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
