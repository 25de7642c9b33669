"""What is said while a model is quantized."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from edge_imgq.pipeline import quantize as pipeline
from edge_imgq.pipeline.progress import ProgressStep
from edge_imgq.quantize import quantize
from edge_imgq.recipe.folders import quantize_recipe

OFFER = " (--scheme int8-fast is done in a fraction of the time)"


@pytest.mark.parametrize(
    ("scheme", "precision", "offers"),
    [("int8", {}, True), ("int8-fast", {}, False), ("int8", {"first": "float"}, False)],
)
def test_every_stage_is_named_and_a_slow_one_offers_the_quick_scheme(
    monkeypatch: pytest.MonkeyPatch, scheme: str, precision: dict[str, str], offers: bool
) -> None:
    """Stages begin at 0, 20, 40 … seconds."""
    clock = count(0, 20)
    monkeypatch.setattr(pipeline, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    def quantizing(*words: Any) -> None:
        for name in ("ranges", "feedback", "channels"):
            words[-1](name)

    def nothing(*words: Any) -> Iterator[Any]:
        return iter(())

    def prepare(*words: Any) -> None:
        assert len(said) == 1, "nothing slow happens before this phase is announced"

    monkeypatch.setattr(quantize, "quantize_prepared", quantizing)
    monkeypatch.setattr(pipeline, "network_inputs", nothing)
    source: Any = SimpleNamespace(contract=None, prepared=prepare)
    images: Any = SimpleNamespace(extremes=())
    said: list[ProgressStep] = []
    recipe = replace(quantize_recipe(scheme), precision=precision)
    pipeline.quantize_source(source, recipe, images, said.append)
    words = [step.what for step in said]
    assert words[:2] == [
        f"quantize ({scheme}): load PyTorch, prepare the graph",
        f"quantize ({scheme}): ranges",
    ]
    assert words[2] == f"quantize ({scheme}): feedback" + (OFFER if offers else "")
    assert words[3].startswith(f"quantize ({scheme}): channels")
