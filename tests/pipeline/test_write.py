"""What an export says while it quantizes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_imgq.pipeline import write
from edge_imgq.pipeline.step import Step
from edge_imgq.recipe.folders import quantize_recipe

OFFER = " (--scheme int8-fast is done in a fraction of the time)"


@pytest.mark.parametrize(("scheme", "offers"), [("int8", True), ("int8-fast", False)])
def test_every_stage_is_named_and_a_slow_one_offers_the_quick_scheme(
    monkeypatch: pytest.MonkeyPatch, scheme: str, offers: bool
) -> None:
    """Stages begin at 0, 20, 40 … seconds."""
    clock = count(0, 20)
    monkeypatch.setattr(write, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    def quantizing(*words: Any) -> None:
        for name in ("ranges", "feedback", "channels"):
            words[-1](name)

    def nothing(*words: Any) -> Iterator[Any]:
        return iter(())

    monkeypatch.setattr("edge_imgq.quantize.quantize.quantize_in_steps", quantizing)
    monkeypatch.setattr(write, "network_inputs", nothing)
    plan: Any = SimpleNamespace(
        source=SimpleNamespace(model=None, contract=None),
        calibration=SimpleNamespace(extremes=()),
    )
    said: list[Step] = []
    write._quantized(plan, quantize_recipe(scheme), Path("none"), said.append)
    words = [step.what for step in said]
    assert words[0] == f"quantize ({scheme}): ranges"
    assert words[1] == f"quantize ({scheme}): feedback" + (OFFER if offers else "")
    assert words[2].startswith(f"quantize ({scheme}): channels")
