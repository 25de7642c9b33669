"""The phases of passes: their order, their counts, and that each leaves a graph that runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from edge_imgq.graph.pass_pipeline import (
    MAX_ROUNDS,
    Pass,
    Phase,
    PhaseRecord,
    PipelineEntry,
    Repeated,
    apply_phases,
)
from edge_imgq.graph.passes.canonical import PHASES, canonical
from edge_imgq.graph.rewrite import rewrite

from .build import kinds, parsed, run, weights

GENERATOR = np.random.default_rng(5)
IMAGE = GENERATOR.normal(size=(1, 6, 8, 10)).astype(np.float32)
BODY = """c = Conv<pads=[1,1,1,1]>(image, w) i = Identity(c)
    t = Transpose<perm=[0,2,3,1]>(i) h = HardSigmoid<alpha=0.2>(t) b = Transpose<perm=[0,3,1,2]>(h)
    d = Div(b, two) v = Conv<pads=[1,1,1,1]>(d, w)
    g = GlobalMaxPool(v) m = Mul(v, g) out = Softplus(m)"""
CONSTANTS = {"w": weights(GENERATOR, 6, 6, 3, 3), "two": np.float32(2)}


def entries() -> Iterator[PipelineEntry]:
    for phase in PHASES:
        yield from phase.passes()


def test_a_pass_stands_behind_those_that_it_needs() -> None:
    before: list[Pass] = []
    for entry in entries():
        assert set(entry.after) <= set(before), f"{entry.name} stands too early"
        before.append(entry.run)


def test_every_phase_and_pass_says_what_it_is_for() -> None:
    assert all(phase.aim and phase.entries for phase in PHASES)
    assert all(entry.reason for entry in entries())
    groups = [e for phase in PHASES for e in phase.entries if isinstance(e, Repeated)]
    assert all(group.reason for group in groups)
    assert len({phase.name for phase in PHASES}) == len(PHASES)


def test_what_fired_is_told_with_the_graph_that_it_left() -> None:
    model = parsed(BODY, CONSTANTS)
    wanted, seen = run(model, IMAGE), {}

    def watcher(record: PhaseRecord, graph: ir.Model) -> None:
        seen[record.phase] = dict(record.fired)
        assert record.nodes == len(graph.graph)
        np.testing.assert_allclose(run(graph.clone(), IMAGE), wanted, rtol=1e-4, atol=1e-5)

    watched = rewrite(model, ["canonical", "merge-skip-branches"], watcher)
    assert list(seen) == [*(phase.name for phase in PHASES), "merge-skip-branches"]
    assert seen["tidy"]["noop-elimination"] == 1
    assert seen["recognise"]["decompose-activations"] == 1
    assert seen["recognise"]["reduce-to-mean"] == 1
    assert seen["normalise"]["reduce-transposes"] > 0
    assert seen["express"]["decompose-hard-sigmoid"] == 1
    assert sum(seen["fold"].values()) > 0
    assert seen["express"]["cubic-upsample-to-conv"] == 0
    alone = rewrite(model, ["canonical", "merge-skip-branches"])
    assert kinds(watched) == kinds(alone)


def test_the_count_is_that_of_all_phases() -> None:
    records: list[PhaseRecord] = []
    count = canonical(parsed(BODY, CONSTANTS), lambda record, _graph: records.append(record))
    assert count == sum(record.count for record in records) > 0


def counted(numbers: list[int]) -> Pass:
    """Return a pass that finds so much, one time after the other, and then nothing."""
    left = iter(numbers)

    def counts(_model: ir.Model) -> int:
        return next(left, 0)

    return counts


def test_a_group_is_repeated_until_none_of_it_finds_anything() -> None:
    group = Repeated(
        (PipelineEntry(counted([2, 0, 1]), "a"), PipelineEntry(counted([1, 1]), "b")), "both"
    )
    (record,) = apply_phases(parsed("out = Relu(image)", {}), (Phase("one", "all", (group,)),))
    assert record.fired == (("counts", 5),)


def test_a_group_that_finds_no_end_is_left() -> None:
    endless = Repeated((PipelineEntry(counted([1] * 10 * MAX_ROUNDS), "a"),), "for ever")
    (record,) = apply_phases(parsed("out = Relu(image)", {}), (Phase("one", "all", (endless,)),))
    assert record.count == MAX_ROUNDS
