"""Strict TOML reading: every wrong type raises, and a misspelt key never becomes a default."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_imgq.errors import RecipeError
from edge_imgq.wording import did_you_mean


class TomlTable:
    """One TOML table.

    Call `refuse_others` before reading keys: a misspelt key is then reported as unknown, not as
    another key missing.
    """

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = values
        self._where = where

    @staticmethod
    def read(path: Path) -> TomlTable:
        """Read a file.

        Raises:
            RecipeError: it is missing or not valid TOML.
        """
        try:
            return TomlTable(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
        except OSError as error:
            raise RecipeError(f"The recipe {path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise RecipeError(f"{path} is not valid TOML: it is no text.") from error
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"{path} is not valid TOML: {error}.") from error

    def text(self, key: str, choices: Sequence[str] = (), default: str | None = None) -> str:
        """Return a string.

        Raises:
            RecipeError: it is missing without default, no string, or not one of `choices`, if there
                are any.
        """
        value = self._get(key, str, "a string", default)
        self._refuse_other(key, value, choices)
        return str(value)

    def number(self, key: str, default: float | None = None) -> float:
        """Return a number as float.

        Raises:
            RecipeError: it is missing without default, or no number.
        """
        return float(self._get(key, (int, float), "a number", default))

    def texts(
        self, key: str, choices: Sequence[str] = (), default: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Return a list of strings.

        Raises:
            RecipeError: it is missing without default, no list of strings, or holds one not in
                `choices`.
        """
        values = self._get(key, list, "a list of strings", None if default is None else [*default])
        if not all(isinstance(value, str) for value in values):
            raise RecipeError(f"{self._where}: '{key}' must be a list of strings, not {values!r}.")
        for value in values:
            self._refuse_other(key, value, choices)
        return tuple(values)

    def one_or_more(self, key: str, choices: Sequence[str], default: str) -> tuple[str, ...]:
        """Return a string or a list of strings as a tuple without duplicates.

        `default` if the key is absent.

        Raises:
            RecipeError: a value is not in `choices`, or the list is empty.
        """
        if isinstance(self._values.get(key), list):
            found = tuple(dict.fromkeys(self.texts(key, choices)))
            if found:
                return found
        return (self.text(key, choices, default),)

    def size(self, key: str) -> tuple[int, int]:
        """Return (height, width) in pixels.

        Raises:
            RecipeError: the value is not a list of two positive integers.
        """
        values = self._get(key, list, "a list [height, width]", None)
        if len(values) != 2 or not all(type(value) is int and value > 0 for value in values):
            raise RecipeError(
                f"{self._where}: '{key}' must be two whole numbers [height, width], not {values!r}."
            )
        return values[0], values[1]

    def table(self, key: str) -> TomlTable:
        """Return a nested table; an empty one if absent.

        Raises:
            RecipeError: the value is no table.
        """
        return TomlTable(self._get(key, dict, "a table", {}), f"{self._where} [{key}]")

    def tables(self, key: str) -> list[TomlTable]:
        """Return the tables of an array of tables.

        Raises:
            RecipeError: it is missing, or no array.
        """
        values = self._get(key, list, "an array of tables", None)
        return [
            TomlTable(value, f"{self._where} [[{key}]] number {index + 1}")
            for index, value in enumerate(values)
        ]

    def entries(self, choices: Sequence[str] = ()) -> dict[str, str]:
        """Return all entries of a table of strings.

        Raises:
            RecipeError: a value is no string or not in `choices`, if there are any.
        """
        return {key: self.text(key, choices) for key in self._values}

    def value(self, key: str) -> Any:
        """Return the value of a present key, of any type.

        Raises:
            KeyError: the key is absent.
        """
        return self._values[key]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in file order."""
        return tuple(self._values)

    @property
    def where(self) -> str:
        """The file and table, for messages."""
        return self._where

    def has(self, key: str) -> bool:
        """Return True if a key is present."""
        return key in self._values

    def refuse_others(self, known: Collection[str]) -> None:
        """Refuse unknown keys.

        Raises:
            RecipeError: there is one; the message suggests the most similar known key, preferring
                absent
                ones.
        """
        absent = [key for key in known if key not in self._values]
        for key in self._values:
            if key not in known:
                near = did_you_mean(key, absent) or did_you_mean(key, known)
                raise RecipeError(
                    f"{self._where}: unknown key '{key}'.{near} Known keys: {', '.join(known)}."
                )

    def _refuse_other(self, key: str, value: str, choices: Sequence[str]) -> None:
        if choices and value not in choices:
            raise RecipeError(
                f"{self._where}: '{key}' is \"{value}\"; it must be one of {', '.join(choices)}."
                f"{did_you_mean(value, choices)}"
            )

    def _get(self, key: str, kind: Any, wanted: str, default: Any) -> Any:
        if key not in self._values:
            if default is not None:
                return default
            raise RecipeError(f"{self._where}: the key '{key}' is missing; it is {wanted}.")
        value = self._values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise RecipeError(f"{self._where}: '{key}' must be {wanted}, not {value!r}.")
        return value


def checked_name(name: str) -> str:
    """Return the name of a recipe made in Python, which serves as a file stem.

    Raises:
        RecipeError: it is empty or contains a path separator.
    """
    if not name or name != Path(name).name:
        raise RecipeError(f"'{name}' is no name for a recipe: it becomes the name of a file.")
    return name
