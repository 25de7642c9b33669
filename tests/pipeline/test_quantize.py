"""What is said while a model is quantized."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from edge_imgq.pipeline import quantize as pipeline
from edge_imgq.pipeline.progress import ProgressStep
from edge_imgq.quantize import quantize
from edge_imgq.recipe.folders import quantize_recipe

OFFER = " (--scheme int8-fast is done in a fraction of the time)"


@pytest.mark.parametrize(("scheme", "offers"), [("int8", True), ("int8-fast", False)])
def test_every_stage_is_named_and_a_slow_one_offers_the_quick_scheme(
    monkeypatch: pytest.MonkeyPatch, scheme: str, offers: bool
) -> None:
    """Stages begin at 0, 20, 40 … seconds."""
    clock = count(0, 20)
    monkeypatch.setattr(pipeline, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    def quantizing(*words: Any) -> None:
        for name in ("ranges", "feedback", "channels"):
            words[-1](name)

    def nothing(*words: Any) -> Iterator[Any]:
        return iter(())

    monkeypatch.setattr(quantize, "quantize_prepared", quantizing)
    monkeypatch.setattr(pipeline, "network_inputs", nothing)
    source: Any = SimpleNamespace(contract=None, prepared=lambda passes, kernels: None)
    images: Any = SimpleNamespace(extremes=())
    said: list[ProgressStep] = []
    pipeline.quantize_source(source, quantize_recipe(scheme), images, said.append)
    words = [step.what for step in said]
    assert words[0] == f"quantize ({scheme}): ranges"
    assert words[1] == f"quantize ({scheme}): feedback" + (OFFER if offers else "")
    assert words[2].startswith(f"quantize ({scheme}): channels")
