"""JSON Schema of the output of commands, derived from the printed dataclasses."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from edge_imgq.skipped import Skipped

DIALECT = "https://json-schema.org/draft/2020-12/schema"

WORDS: dict[Any, str] = {
    str: "string", int: "integer", float: "number", bool: "boolean", Fraction: "string"
}  # fmt: skip


def schema_of(kind: Any, name: str, version: int) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a type; every dataclass is an entry of `$defs`.

    Objects need all their keys and allow no others. Descriptions are the first lines of the
    dataclasses' docstrings. A `Skipped` is `{"skipped": string}`.

    Args:
        kind: A dataclass, or a tuple, mapping or union of them. For forms without a type: a dict of
            kinds stands for an object, a tuple `(kind, ...)` for an array, and a list of kinds for
            any of them.
        name: Name of the schema, used in its `$id`.
        version: Version of the schema, also used there.

    Raises:
        KeyError: A type has no JSON form.
    """
    definitions: dict[str, Any] = {}
    root = _schema(kind, definitions)
    identity = {"$schema": DIALECT, "$id": f"urn:edge-imgq:{name}:{version}"}
    return {**identity, **root, "$defs": dict(sorted(definitions.items()))}


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type; schemas of dataclasses are added to `definitions`."""
    if isinstance(kind, (dict, list, tuple)):
        return _literal(kind, definitions)
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if kind is Skipped:
        return _object({"skipped": {"type": "string"}})
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _reference(kind, definitions)
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_schema(option, definitions) for option in options]}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(options[1], definitions)}
    if origin is tuple:
        return _array(options, definitions)
    if origin is typing.Literal:
        return {"enum": list(options)}
    return {"type": "null"} if kind is types.NoneType else {"type": WORDS[kind]}


def _literal(
    kind: dict[str, Any] | list[Any] | tuple[Any, ...], definitions: dict[str, Any]
) -> dict[str, Any]:
    """Return the schema of a dict, list or tuple of kinds; see `schema_of`."""
    if isinstance(kind, tuple):
        return {"type": "array", "items": _schema(kind[0], definitions)}
    if isinstance(kind, list):
        return {"anyOf": [_schema(option, definitions) for option in kind]}
    return _object({key: _schema(value, definitions) for key, value in kind.items()})


def _reference(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # ends the recursion of a type that contains itself
        hints = typing.get_type_hints(kind)
        properties = {key: _schema(hint, definitions) for key, hint in hints.items()}
        first = (kind.__doc__ or "").split("\n")[0]
        definitions[kind.__name__] = {"description": first, **_object(properties)}
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _array(options: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    if options[-1] is Ellipsis:
        return {"type": "array", "items": _schema(options[0], definitions)}
    entries = [_schema(option, definitions) for option in options]
    return {"type": "array", "prefixItems": entries, "items": False, "minItems": len(entries)}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
