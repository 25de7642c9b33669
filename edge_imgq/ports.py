"""Define ports: inputs of a network other than its image, and outputs other than an image.

A file encodes the numbers of every port like pixels: from 0 to the contract's peak, or 0 to 255 in
bytes. A port's `low` and `high` are the network's own numbers at these two ends; the mapping
between them is linear.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from edge_imgq.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["image", "plane", "mask", "vector", "raw", "rgba", "frames", "state"]

KINDS: tuple[str, ...] = get_args(Kind)

LAYOUTS: tuple[Kind, ...] = ("image", "raw", "rgba", "frames")
"""Kinds of input that a photograph can be converted to."""

NOISE_WORDS = ("sigma", "noise")
"""Substrings in the name of an input that holds the noise level, in the unit of pixels."""

FORM = "NAME=KIND:LOW..HIGH, such as sigma=plane:0..75/255 or scores=vector:0..1"


def says_noise(name: str) -> bool:
    """Return True if an input's name says that it holds the noise level of the image.

    That is, it contains one of NOISE_WORDS, in any case.
    """
    return any(word in name.lower() for word in NOISE_WORDS)


@dataclass(frozen=True)
class Port:
    """One tensor that a network takes or returns.

    Attributes:
        name: name of the tensor in the model.
        kind: "image", (1, C, H, W) of colours; "plane", (1, C, H, W) of other numbers; "mask", a
            plane with only the values `low` and `high`; "vector", N numbers per image; "state", a
            plane that an output of one frame passes to an input of the next.
        channels: C or N.
        low: the network's number at code 0, one per channel or one for all.
        high: the network's number at the peak, one per channel or one for all.
        parts: height and width of the image divided by those of the port: 2 for a plane of half the
            height and width. For an output, the image is the returned one.
        fed_by: for a state input, the output of the previous frame that feeds it.
    """

    name: str
    kind: Kind
    channels: int
    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (1.0,)
    parts: int = 1
    fed_by: str = ""

    def __str__(self) -> str:
        """Return a description for messages: "vector 'scores' of 3 numbers"."""
        of = "number" if self.kind == "vector" else "channel"
        sides = f" at 1/{self.parts} of the sides" if self.parts > 1 else ""
        count = f"{self.channels} {of}{'s' * (self.channels != 1)}"
        return f"{self.kind} '{self.name}' of {count}{sides}"

    def numbers(self, levels: NDArray[Any]) -> NDArray[np.float64]:
        """Convert levels of 255, one channel each along the last axis, to the network's numbers."""
        import numpy as np

        low, high = np.array(self.low, np.float64), np.array(self.high, np.float64)
        found: NDArray[np.float64] = low + levels / 255.0 * (high - low)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the port as a JSON object, without `parts` and `fed_by` at their defaults."""
        values = asdict(self)
        for key, usual in (("parts", 1), ("fed_by", "")):
            if values[key] == usual:
                del values[key]
        return values

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Port:
        """Parse a port from the object that `to_dict` returns.

        Raises:
            KeyError, ValueError: a field is missing or damaged.
        """
        low, high = (tuple(float(number) for number in values[end]) for end in ("low", "high"))
        name, channels = str(values["name"]), int(values["channels"])
        kind, parts = as_kind(str(values["kind"])), int(values.get("parts", 1))
        return Port(name, kind, channels, low, high, parts, str(values.get("fed_by", "")))


@dataclass(frozen=True)
class PortRequest:
    """The kind and range that the user states for a port.

    Attributes:
        name: name of the tensor in the model.
        kind: kind of port; None if not stated.
        low: number at code 0, per channel; empty if not stated.
        high: number at the peak, per channel; empty if not stated.
    """

    name: str
    kind: Kind | None = None
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class PortRequests:
    """The user's choices for the ports of a model.

    Attributes:
        outputs: outputs to keep, the main one first; empty to keep all.
        bound: inputs that become constants, each with its numbers.
        inputs: kinds and ranges of other inputs.
        states: outputs that feed an input of the next frame, each with that input.
    """

    outputs: tuple[PortRequest, ...] = ()
    bound: tuple[tuple[str, tuple[float, ...]], ...] = ()
    inputs: tuple[PortRequest, ...] = ()
    states: tuple[tuple[str, str], ...] = ()

    def of_input(self, name: str) -> PortRequest:
        """Return the request for an input; an empty one if nothing is stated."""
        return next((port for port in self.inputs if port.name == name), PortRequest(name))

    def of_output(self, name: str) -> PortRequest:
        """Return the request for an output; an empty one if nothing is stated."""
        return next((port for port in self.outputs if port.name == name), PortRequest(name))

    @property
    def is_choice(self) -> bool:
        """True if the exported model drops outputs or binds inputs of the user's file."""
        return bool(self.outputs or self.bound)

    @property
    def words(self) -> tuple[str, ...]:
        """The command-line options that make the same requests."""
        found = []
        for port in self.outputs:
            found += ["--output-name", _said(port)]
        for port in self.inputs:
            found += ["--input", _said(port)]
        for name, numbers in self.bound:
            found += ["--bind", f"{name}={','.join(map(_exactly, numbers))}"]
        for fed_by, state in self.states:
            found += ["--state", f"{fed_by}={state}"]
        return tuple(found)


NO_PORT_REQUESTS = PortRequests()


def read_port(text: str) -> PortRequest:
    """Parse NAME, NAME=KIND or NAME=KIND:LOW..HIGH.

    Several ranges, separated by commas, are those of the channels in order.

    Raises:
        UsageError: the text has another form.
    """
    name, _, rest = text.partition("=")
    kind, _, ranges = rest.partition(":")
    if not name or ("=" in text and kind not in KINDS):
        raise UsageError(f"'{text}' is not a port; write {FORM}.")
    ends = [_ends(part, text) for part in ranges.split(",")] if ranges else []
    low, high = tuple(low for low, _ in ends), tuple(high for _, high in ends)
    return PortRequest(name, as_kind(kind) if kind else None, low, high)


def read_bound(text: str) -> tuple[str, tuple[float, ...]]:
    """Parse NAME=NUMBER or NAME=NUMBER,NUMBER into the input's name and its numbers.

    Raises:
        UsageError: the text has another form.
    """
    name, _, rest = text.partition("=")
    numbers = tuple(_number(part, text) for part in rest.split(",")) if rest else ()
    if not name or not numbers:
        raise UsageError(f"'{text}' binds nothing; write NAME=NUMBER, such as sigma=15/255.")
    return name, numbers


def read_state(text: str) -> tuple[str, str]:
    """Parse OUTPUT=INPUT into the two names.

    Raises:
        UsageError: the text has another form.
    """
    fed_by, _, state = text.partition("=")
    if not fed_by or not state:
        raise UsageError(f"'{text}' is not a state; write OUTPUT=INPUT, such as h_out=h_in.")
    return fed_by, state


def choices_of(options: Sequence[str]) -> tuple[str, ...]:
    """Return bound inputs and chosen outputs as phrases: "bound: sigma = 0.0588".

    Args:
        options: options and their values in turn, as in `PortRequests.words`.
    """
    found = []
    for option, said in zip(options[::2], options[1::2], strict=True):
        if option == "--output-name":
            found.append(f"output: {said.partition('=')[0]}")
        if option == "--bind":
            name, numbers = read_bound(said)
            found.append(f"bound: {name} = {', '.join(f'{number:.3g}' for number in numbers)}")
    return tuple(found)


def _exactly(number: float) -> str:
    """Return a number as text that parses to the same float."""
    return repr(number).removesuffix(".0")


def _said(port: PortRequest) -> str:
    kind = f"={port.kind}" if port.kind else ""
    pairs = zip(port.low, port.high, strict=True)
    ranges = ",".join(f"{_exactly(low)}..{_exactly(high)}" for low, high in pairs)
    return f"{port.name}{kind}{':' if ranges else ''}{ranges}"


def _ends(part: str, text: str) -> tuple[float, float]:
    low, dots, high = part.partition("..")
    if not dots:
        raise UsageError(f"'{part}' of '{text}' is not a range; write both ends, such as 0..75.")
    found = _number(low, text), _number(high, text)
    if found[0] >= found[1]:
        raise UsageError(
            f"'{part}' of '{text}' is not a range: its first end must be the lower one."
        )
    return found


def number_of(text: str) -> float | None:
    """Parse a number, or a fraction such as 15/255; return None if it is neither or not finite."""
    over, slash, under = text.strip().partition("/")
    try:
        found = float(over) / (float(under) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        return None
    return found if math.isfinite(found) else None


def _number(part: str, text: str) -> float:
    found = number_of(part)
    if found is None:
        raise UsageError(f"'{part}' of '{text}' is not a number.")
    return found


def as_kind(text: str) -> Kind:
    """Return text as a port kind.

    Raises:
        ValueError: there is no such kind.
    """
    if text not in KINDS:
        raise ValueError(f"there is no kind '{text}' of port")
    return cast("Kind", text)
