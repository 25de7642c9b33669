"""Port requests of a recipe: selected outputs, inputs, bound constants and states.

    output = "enhanced"  # or several: ["enhanced", "curves=plane:-1..1"]

    [input.sigma]
    kind = "plane"
    range = [0, "75/255"]

    [bind]
    strength = 0.7

    [state]
    h_out = "h_in"

The keys mean the same as --output-name, --input, --bind and --state. A number may be text such as
"75/255". A range may be a list of ranges, one per channel.
"""

from __future__ import annotations

from typing import Any

from edge_imgq.errors import UsageError
from edge_imgq.ports import KINDS, PortRequest, PortRequests, as_kind, number_of, read_port
from edge_imgq.recipe.toml_reader import TomlTable

KEYS = ("output", "input", "bind", "state")
"""Keys of a recipe."""

PORT_KEYS = ("kind", "range")
"""Keys of one port."""


def read_ports(table: TomlTable) -> PortRequests:
    """Return the port requests of a recipe, from its keys `output`, `input`, `bind` and `state`.

    Absent keys request nothing. What is wrong is recorded as an error of the table, which
    `raise_mistakes` raises.
    """
    inputs, bind, states = (table.table(key) for key in KEYS[1:])
    return PortRequests(
        _outputs(table),
        tuple((name, _numbers(bind, name)) for name in bind.keys),
        tuple(_port(name, inputs.table(name), PORT_KEYS) for name in inputs.keys),
        tuple((fed_by, states.text(fed_by)) for fed_by in states.keys),
    )


def port_values(ports: PortRequests) -> dict[str, Any]:
    """Return port requests as the values of a recipe's TOML file that `read_ports` reads as these.

    Keys are `output`, `input`, `bind` and `state`; those without requests are left out.
    """
    values: dict[str, Any] = {}
    for port in ports.outputs[:1]:
        said = _values(port)
        values["output"] = {"name": port.name, **said} if said else port.name
    if len(ports.outputs) > 1:
        values["output"] = list(PortRequests(ports.outputs).words[1::2])
    if ports.inputs:
        values["input"] = {port.name: _values(port) for port in ports.inputs}
    if ports.bound:
        values["bind"] = {name: list(numbers) for name, numbers in ports.bound}
    if ports.states:
        values["state"] = dict(ports.states)
    return values


def _values(port: PortRequest) -> dict[str, Any]:
    ends = [list(pair) for pair in zip(port.low, port.high, strict=True)]
    said = {"kind": port.kind} if port.kind else {}
    return {**said, **({"range": ends} if ends else {})}


def _outputs(table: TomlTable) -> tuple[PortRequest, ...]:
    if not table.has("output"):
        return ()
    said = table.value("output")
    if isinstance(said, str):
        return (PortRequest(table.text("output")),)
    if isinstance(said, list):
        try:
            return tuple(read_port(str(text)) for text in said)
        except UsageError as error:
            table.refuse("output", f"'output': {error}")
            return ()
    output = table.table("output")
    output.refuse_others(("name", *PORT_KEYS))
    return (_port(output.text("name"), output, ("name", *PORT_KEYS)),)


def _port(name: str, table: TomlTable, keys: tuple[str, ...]) -> PortRequest:
    table.refuse_others(keys)
    kind = table.text("kind", KINDS)
    ends = [_ends(table, pair) for pair in _pairs(table)] if table.has("range") else []
    return PortRequest(
        name, as_kind(kind), tuple(low for low, _ in ends), tuple(high for _, high in ends)
    )


def _pairs(table: TomlTable) -> list[Any]:
    """Return the ranges of a port, one or several."""
    said = table.value("range")
    if isinstance(said, list) and said and all(isinstance(pair, list) for pair in said):
        return said
    return [said]


def _ends(table: TomlTable, pair: Any) -> tuple[float, float]:
    numbers = [_number(end) for end in pair] if isinstance(pair, list) else []
    if len(numbers) != 2 or None in numbers:
        table.refuse(
            "range",
            f"'range' must be [lowest, highest], such as [0, 75] or [0, \"75/255\"], or a list of "
            f"such for each channel, not {pair!r}.",
        )
        return 0.0, 1.0
    low, high = (number for number in numbers if number is not None)
    if low >= high:
        table.refuse("range", f"'range' has its lower end first, unlike {pair!r}.")
    return low, high


def _numbers(table: TomlTable, name: str) -> tuple[float, ...]:
    said = table.value(name)
    numbers = [_number(one) for one in (said if isinstance(said, list) else [said])]
    valid = tuple(number for number in numbers if number is not None)
    if not valid or len(valid) < len(numbers):
        table.refuse(
            name,
            f"'{name}' must be a number, such as 0.7 or \"15/255\", or a list of numbers for each "
            f"channel, not {said!r}.",
        )
    return valid


def _number(said: Any) -> float | None:
    if isinstance(said, bool) or not isinstance(said, (int, float, str)):
        return None
    return number_of(str(said))
