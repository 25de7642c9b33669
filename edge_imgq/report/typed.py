"""Conversion of frozen dataclasses to JSON types and back.

Reading is strict: a misspelt key or a wrong type is an error.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from edge_imgq.errors import RecipeError
from edge_imgq.scale import Scale, read_scale
from edge_imgq.skipped import Skipped
from edge_imgq.wording import did_you_mean


def plain(value: Any) -> Any:
    """Convert frozen dataclasses, mappings and tuples to JSON types, recursively.

    Dataclasses become dicts with the fields' names, tuples lists, a `Skipped` `{"skipped":
    reason}`, and a fraction text such as "4/3". Other values are returned unchanged.
    """
    if isinstance(value, Skipped):
        return {"skipped": value.reason}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    return str(value) if isinstance(value, Fraction) else value


def read_as(kind: Any, value: Any, where: str) -> Any:
    """Convert JSON types to the type `kind`, recursively; the inverse of `plain`.

    Fields with a default factory may be missing; all others are needed.

    Args:
        kind: A dataclass, `X | Skipped`, `X | None`, mapping, tuple, literal, scale, str, int,
            float or bool. An integer is accepted for a float.
        value: The parsed JSON.
        where: Location of the value, for messages.

    Raises:
        RecipeError: A key is missing or unknown, or a value has another type.
    """
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    if kind == Scale:
        return _read_scale(value, where)
    if origin in (types.UnionType, typing.Union):
        return _read_measured(kind, value, where)
    if origin is Mapping:
        return _read_mapping(kind, value, where)
    if origin is tuple:
        return _read_tuple(kind, value, where)
    if origin is typing.Literal:
        if value not in typing.get_args(kind):
            raise _wrong(where, f"one of {', '.join(typing.get_args(kind))}", value)
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _wrong(where, _WORDS[kind], value)
    return value


_WORDS: dict[Any, str] = {
    str: "a string", int: "a whole number", float: "a number", bool: "true or false"
}  # fmt: skip


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    hints = _hints(kind)
    unknown = [key for key in value if key not in hints]
    missing = [key for key in hints if key not in value and key not in _newer(kind)]
    if unknown or missing:
        if not unknown:
            raise RecipeError(f"{where}: the key '{missing[0]}' is missing.")
        near = did_you_mean(unknown[0], missing) or did_you_mean(unknown[0], hints)
        raise RecipeError(f"{where}: unknown key '{unknown[0]}'.{near}")
    return kind(**{key: read_as(hints[key], value[key], f"{where}: {key}") for key in value})


def _newer(kind: Any) -> set[str]:
    """Return the fields with a default factory, which older files may lack; these are empty."""
    fields = dataclasses.fields(kind)
    return {f.name for f in fields if f.default_factory is not dataclasses.MISSING}


def _read_measured(kind: Any, value: Any, where: str) -> Any:
    """Read `Measured | Skipped` or `Measured | None`."""
    options = typing.get_args(kind)
    if value is None and types.NoneType in options:
        return None
    if isinstance(value, dict) and set(value) == {"skipped"} and Skipped in options:
        return Skipped(read_as(str, value["skipped"], where))
    (measured,) = (option for option in options if option not in (Skipped, types.NoneType))
    return read_as(measured, value, where)


def _read_scale(value: Any, where: str) -> Scale:
    try:
        return read_scale(str(value))
    except ValueError:
        raise _wrong(where, 'a whole number or a fraction such as "4/3"', value) from None


def _read_mapping(kind: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    _name, entry = typing.get_args(kind)
    return {name: read_as(entry, nested, f"{where} [{name}]") for name, nested in value.items()}


def _read_tuple(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(where, "a list", value)
    options = typing.get_args(kind)
    if options[-1] is Ellipsis:
        options = (options[0],) * len(value)
    if len(options) != len(value):
        raise _wrong(where, f"a list of {len(options)}", value)
    pairs = enumerate(zip(options, value, strict=True))
    return tuple(read_as(option, entry, f"{where}[{index}]") for index, (option, entry) in pairs)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _wrong(where: str, wanted: str, value: Any) -> RecipeError:
    return RecipeError(f"{where} must be {wanted}, not {value!r}.")
