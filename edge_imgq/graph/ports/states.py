"""Recurrent states: outputs of a network that feed inputs of the next frame.

These are the pairs that the user names, pairs whose names differ only by words such as "in" and
"out", and a single plane of many channels that is both input and output. Frames are run one after
the other, each with the state of the last, in `edge_imgq.images.frame_sequences`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import onnx_ir as ir

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.ports import PortRequests, says_noise

ENDS = frozenset(
    {"in", "out", "input", "output", "prev", "previous", "last", "old", "new", "next", "cur",
     "current", "i", "o", "t", "n", "0", "1"}
)  # fmt: skip
"""Words by which the names of a state's input and output may differ."""

MIN_STATE_CHANNELS = 4
"""Fewest channels of a plane that is a state if no other input and output match."""

Pair = tuple[str, str]
"""Names of an output and of the input that it feeds."""


def find_states(model: ir.Model, requests: PortRequests, name: str) -> tuple[Pair, ...]:
    """Return the outputs that feed inputs of the next frame, paired with their inputs.

    These are the pairs that the user names; pairs of planes with equal channels whose names differ
    only by words such as "in" and "out"; and a single plane of more than 4 channels that is both
    input and output.

    Args:
        model: float32 model of opset 21, the image its first input.
        requests: port properties that the user gave.
        name: name of the model for messages.

    Returns:
        Names (output, input) of each state, those of the request first.

    Raises:
        UsageError: the request names an input or output that does not exist, or calls an input a
            state that no output is known to feed.
        ModelError: input and output of a requested pair have different channels.
    """
    inputs = {str(value.name): value for value in model.graph.inputs[1:]}
    outputs = {str(value.name): value for value in model.graph.outputs}
    for fed_by, state in requests.states:
        if fed_by in inputs and state in outputs:
            raise UsageError(
                f"{name} takes '{fed_by}' and returns '{state}', and the output is named first: "
                f"say --state {state}={fed_by} (`states` in Python)."
            )
        _refuse_unknown(fed_by, outputs, f"{name} has no output", "it has")
        _refuse_unknown(state, inputs, f"{name} has no input beside the image", "it takes")
        if _channels(outputs[fed_by]) != _channels(inputs[state]):
            raise ModelError(
                f"{name} returns '{fed_by}' of {_channels(outputs[fed_by])} channels and takes "
                f"'{state}' of {_channels(inputs[state])}: one cannot be the other's next state."
            )
    taken = {state for _, state in requests.states}
    given = {fed_by for fed_by, _ in requests.states}
    pairs = list(requests.states)
    free = [v for n, v in inputs.items() if n not in taken and _may_be(n, requests)]
    offered = [v for n, v in outputs.items() if n not in given]
    for value in free:
        alike = [other for other in offered if _fits(value, other)]
        named = [other for other in alike if _stem(value) == _stem(other) != ""]
        many = (_channels(value) or 0) > MIN_STATE_CHANNELS and len(free) == 1 and len(alike) == 1
        chosen = named if len(named) == 1 else alike if many else []
        pairs += [(str(other.name), str(value.name)) for other in chosen]
    fed = {state for _, state in pairs}
    lost = [port.name for port in requests.inputs if port.kind == "state" and port.name not in fed]
    if lost:
        raise UsageError(
            f"'{lost[0]}' is to be a state, and which output feeds it is not known: say it with "
            f"--state OUTPUT={lost[0]} (`states` in Python)."
        )
    return tuple(pairs)


def _may_be(name: str, requests: PortRequests) -> bool:
    kind = requests.of_input(name).kind
    return kind == "state" or (kind is None and not says_noise(name) and "mask" not in name.lower())


def _refuse_unknown(name: str, known: dict[str, ir.Value], lacks: str, has: str) -> None:
    if name not in known:
        listed = " and ".join(f"'{other}'" for other in known) or "nothing"
        raise UsageError(f"{lacks} '{name}'; {has} {listed}.")


def _fits(taken: ir.Value, returned: ir.Value) -> bool:
    """Return True if two values are planes with the same channels."""
    ranks = {None if v.shape is None else len(v.shape) for v in (taken, returned)}
    return ranks == {4} and _channels(taken) == _channels(returned) is not None


def _channels(value: ir.Value) -> int | None:
    length = value.shape[1] if value.shape is not None and len(value.shape) > 1 else None
    return length if isinstance(length, int) else None


def _stem(value: ir.Value) -> str:
    """Return a name without the words in ENDS."""
    words: Sequence[str] = re.findall(r"[a-z]+|\d+", str(value.name).lower())
    return "_".join(word for word in words if word not in ENDS)
