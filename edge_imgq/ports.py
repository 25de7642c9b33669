"""Ports: what goes into a network beside its image, and what comes out in place of one.

A file takes and returns the numbers of every port as it does pixels: 0 to the contract's peak, in
bytes 0 to 255. A port says which of the network's own numbers these ends stand for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from edge_imgq.errors import UsageError

Kind = Literal["image", "plane", "mask", "vector", "raw", "rgba", "frames", "state"]

KINDS: tuple[str, ...] = get_args(Kind)

LAYOUTS: tuple[Kind, ...] = ("image", "raw", "rgba", "frames")
"""Kinds of what a photograph becomes."""

NOISE_WORDS = ("sigma", "noise")
"""Words in the name of an input that says how strong noise is, in the unit of pixels."""

FORM = "NAME=KIND:LOW..HIGH, such as sigma=plane:0..75/255 or scores=vector:0..1"


def says_noise(name: str) -> bool:
    """Tell whether an input of this name says how strong the noise of the image is."""
    return any(word in name.lower() for word in NOISE_WORDS)


@dataclass(frozen=True)
class Port:
    """One tensor that a network takes or returns.

    Attributes:
        name: in the model.
        kind: "image", (1, C, H, W) of colours; "plane", the same of anything else; "mask", a plane
            of the lowest and the highest number; "vector", N numbers for a whole image; "state",
            a plane that the network hands to itself from one frame to the next.
        channels: C or N.
        low: what 0 stands for, one number for each channel or for all.
        high: what the peak stands for, likewise.
        parts: sides of the image over those of the port: 2 for a plane of half of its height and
            width. Of a port that is returned, the image is the one that is returned.
        fed_by: of a state that is taken, the output that it was of the frame before.
    """

    name: str
    kind: Kind
    channels: int
    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (1.0,)
    parts: int = 1
    fed_by: str = ""

    def __str__(self) -> str:
        """Return what it is in words: "vector 'scores' of 3 numbers"."""
        of = "number" if self.kind == "vector" else "channel"
        return f"{self.kind} '{self.name}' of {self.channels} {of}{'s' * (self.channels != 1)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the port as JSON holds it; what most ports have not is left out."""
        values = asdict(self)
        for key, usual in (("parts", 1), ("fed_by", "")):
            if values[key] == usual:
                del values[key]
        return values

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Port:
        """Read a port back.

        Raises:
            KeyError, ValueError: it is not whole.
        """
        low, high = (tuple(float(number) for number in values[end]) for end in ("low", "high"))
        name, channels = str(values["name"]), int(values["channels"])
        kind, parts = as_kind(str(values["kind"])), int(values.get("parts", 1))
        return Port(name, kind, channels, low, high, parts, str(values.get("fed_by", "")))


@dataclass(frozen=True)
class PortRequest:
    """What a person says of a port.

    Attributes:
        name: in the model.
        kind: None where nothing is said.
        low: what 0 stands for; empty where nothing is said.
        high: what the peak stands for, likewise.
    """

    name: str
    kind: Kind | None = None
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class PortRequests:
    """What a person says of the ports of a model.

    Attributes:
        outputs: those that are wanted, the picture's or else the first one's result first; none
            where all are.
        bound: inputs that become constants, with their numbers.
        inputs: what others are.
        states: outputs that feed an input of the next frame, each with that input.
    """

    outputs: tuple[PortRequest, ...] = ()
    bound: tuple[tuple[str, tuple[float, ...]], ...] = ()
    inputs: tuple[PortRequest, ...] = ()
    states: tuple[tuple[str, str], ...] = ()

    def of_input(self, name: str) -> PortRequest:
        """Return what is said of an input."""
        return next((port for port in self.inputs if port.name == name), PortRequest(name))

    def of_output(self, name: str) -> PortRequest:
        """Return what is said of an output."""
        return next((port for port in self.outputs if port.name == name), PortRequest(name))

    @property
    def is_choice(self) -> bool:
        """Whether the file has ports beside those that are wanted."""
        return bool(self.outputs or self.bound)

    @property
    def words(self) -> tuple[str, ...]:
        """The options of a command that say the same."""
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


NOTHING_ASKED = PortRequests()


def read_port(text: str) -> PortRequest:
    """Return what a person writes of a port: NAME, NAME=KIND or NAME=KIND:LOW..HIGH.

    Several ranges, with commas between them, are those of the channels.

    Raises:
        UsageError: it says something else.
    """
    name, _, rest = text.partition("=")
    kind, _, ranges = rest.partition(":")
    if not name or ("=" in text and kind not in KINDS):
        raise UsageError(f"'{text}' is no port; write {FORM}.")
    ends = [_ends(part, text) for part in ranges.split(",")] if ranges else []
    low, high = tuple(low for low, _ in ends), tuple(high for _, high in ends)
    return PortRequest(name, as_kind(kind) if kind else None, low, high)


def read_bound(text: str) -> tuple[str, tuple[float, ...]]:
    """Return the input and the numbers of NAME=NUMBER or NAME=NUMBER,NUMBER.

    Raises:
        UsageError: it says something else.
    """
    name, _, rest = text.partition("=")
    numbers = tuple(_number(part, text) for part in rest.split(",")) if rest else ()
    if not name or not numbers:
        raise UsageError(f"'{text}' binds nothing; write NAME=NUMBER, such as sigma=15/255.")
    return name, numbers


def read_state(text: str) -> tuple[str, str]:
    """Return the output and the input of OUTPUT=INPUT.

    Raises:
        UsageError: it says something else.
    """
    fed_by, _, state = text.partition("=")
    if not fed_by or not state:
        raise UsageError(f"'{text}' is no state; write OUTPUT=INPUT, such as h_out=h_in.")
    return fed_by, state


def choices_of(options: Sequence[str]) -> tuple[str, ...]:
    """Return what options bound and which output they chose, in words: "bound: sigma = 0.0588".

    Args:
        options: as `PortRequests.words` has them.
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
    """Return a number so that it is the same one once read again."""
    return repr(number).removesuffix(".0")


def _said(port: PortRequest) -> str:
    kind = f"={port.kind}" if port.kind else ""
    pairs = zip(port.low, port.high, strict=True)
    ranges = ",".join(f"{_exactly(low)}..{_exactly(high)}" for low, high in pairs)
    return f"{port.name}{kind}{':' if ranges else ''}{ranges}"


def _ends(part: str, text: str) -> tuple[float, float]:
    low, dots, high = part.partition("..")
    if not dots:
        raise UsageError(f"'{part}' of '{text}' is no range; write both ends, such as 0..75.")
    found = _number(low, text), _number(high, text)
    if found[0] >= found[1]:
        raise UsageError(f"'{part}' of '{text}' is no range: its first end is not the lower one.")
    return found


def number_of(text: str) -> float | None:
    """Return a number, or a fraction such as 15/255; None where it is none."""
    over, slash, under = text.strip().partition("/")
    try:
        found = float(over) / (float(under) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        return None
    return found if math.isfinite(found) else None


def _number(part: str, text: str) -> float:
    found = number_of(part)
    if found is None:
        raise UsageError(f"'{part}' of '{text}' is no number.")
    return found


def as_kind(text: str) -> Kind:
    """Return a kind by its name.

    Raises:
        ValueError: there is none of that name.
    """
    if text not in KINDS:
        raise ValueError(f"there is no kind '{text}' of port")
    return cast("Kind", text)
