"""Strict TOML reading: every error of a file is reported at once, each with its line.

A misspelt key never becomes a default.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from edge_imgq.errors import RecipeError
from edge_imgq.recipe.toml_lines import TomlPath, key_lines
from edge_imgq.wording import did_you_mean

CAUSES = {
    "Invalid value": "text stands in quotes, and true and false are in small letters",
    "Cannot overwrite a value": "a key stands there twice",
}
"""What usually causes an error of tomllib (Python 3.11), by the beginning of its message."""

MAX_SIDE = 65535
"""Largest height or width of an image in pixels, that of JPEG."""


class Mistakes:
    """The errors of one file, which all its tables share.

    Args:
        lines: line of each key; empty where there is no TOML file.
    """

    def __init__(self, lines: Mapping[TomlPath, int] | None = None) -> None:
        self._lines = lines or {}
        self._said: list[tuple[int, str]] = []

    def line(self, path: TomlPath) -> int:
        """Return the line of a key, from 1, or of the innermost table around it; 0 if unknown."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)

    def add(self, sentences: str, path: TomlPath) -> None:
        """Record an error.

        Args:
            sentences: what is wrong and what to do, with the file's name.
            path: keys from the root to the wrong value, which place the error among the others.
        """
        self._said.append((self.line(path), sentences))

    def raise_all(self) -> None:
        """Raise all recorded errors at once, one a line of the message, ordered by their lines.

        Raises:
            RecipeError: there is one.
        """
        if self._said:
            raise RecipeError("\n".join(dict.fromkeys(said for _, said in sorted(self._said))))


class TomlTable:
    """One TOML table.

    What is wrong with a value is recorded, and a valid stand-in is returned, so that the rest of
    the file is read, too. `raise_mistakes` must be called after reading, and before values are used
    or compared. Call `refuse_others` before reading keys: a misspelt key is then reported as
    unknown, not as another key missing.

    Args:
        values: the keys and values of the table.
        where: the file, for messages.
        label: the table, for messages; empty for the root.
        path: keys from the root to the table.
        mistakes: the errors of the file; by default none, without lines.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        where: str,
        label: str = "",
        path: TomlPath = (),
        mistakes: Mistakes | None = None,
    ) -> None:
        self._values = values
        self._where = where
        self._label = label
        self._path = path
        self._mistakes = mistakes or Mistakes()
        self._wrong: set[str] = set()
        self._misspelt = ""

    @staticmethod
    def read(path: Path) -> TomlTable:
        """Read a TOML file and return its root table.

        Raises:
            RecipeError: it is missing, not UTF-8 or not valid TOML.
        """
        try:
            text = path.read_text(encoding="utf-8")
            return TomlTable(tomllib.loads(text), str(path), "", (), Mistakes(key_lines(text)))
        except OSError as error:
            raise RecipeError(f"The recipe {path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise RecipeError(f"{path} is not valid TOML: it is not text.") from error
        except tomllib.TOMLDecodeError as error:
            cause = next(
                (f": {c}" for text, c in CAUSES.items() if str(error).startswith(text)), ""
            )
            raise RecipeError(f"{path} is not valid TOML: {error}{cause}.") from error

    def text(self, key: str, choices: Sequence[str] = (), default: str | None = None) -> str:
        """Return the string of a key.

        `default` if it is absent. Without default an absent key is recorded as an error, and so is
        a value that is not a string or, if there are `choices`, not one of them; the first choice,
        or "", is returned.
        """
        value = str(self._get(key, str, "a string", default, choices[0] if choices else ""))
        return value if self._is_one_of(key, value, choices) else choices[0]

    def number(
        self,
        key: str,
        default: float | None = None,
        limits: tuple[float, float] = (-math.inf, math.inf),
        meaning: str = "a number",
    ) -> float:
        """Return the number of a key as float.

        An absent key without default, and a value that is not a finite number within the limits,
        are recorded as errors; 0, or the limit nearest to it, is returned.

        Args:
            key: the key.
            default: value of an absent key; None if it must be present.
            limits: lowest and highest value.
            meaning: what the number must be, for messages; it should name the limits.
        """
        low, high = limits
        stand_in = max(low, min(0.0, high))
        value = float(self._get(key, (int, float), "a number", default, stand_in))
        if not math.isfinite(value) or not low <= value <= high:
            self.refuse(key, f"'{key}' must be {meaning}, not {value:g}.")
            return stand_in
        return value

    def texts(
        self, key: str, choices: Sequence[str] = (), default: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Return the list of strings of a key as a tuple.

        `default` if it is absent. Without default an absent key is recorded as an error, and so is
        a value that is not a list of strings; () is returned. If there are `choices`, each entry
        that is not one of them is recorded as an error and left out.
        """
        wanted = "a list of strings"
        values = self._get(key, list, wanted, None if default is None else [*default], [])
        if not all(isinstance(value, str) for value in values):
            self.refuse(key, f"'{key}' must be a list of strings, not {_written(values)}.")
            return ()
        return tuple(value for value in values if self._is_one_of(key, value, choices))

    def one_or_more(self, key: str, choices: Sequence[str], default: str) -> tuple[str, ...]:
        """Return the string or the list of strings of a key as a tuple without duplicates.

        (`default`,) if the key is absent. An empty list, a value of another type and each entry not
        in `choices` are recorded as errors. The result has at least one entry all the same.
        """
        if isinstance(self._values.get(key), list):
            values = tuple(dict.fromkeys(self.texts(key, choices)))
            if values or key in self._wrong:
                return values or (default,)
        return (self.text(key, choices, default),)

    def size(self, key: str) -> tuple[int, int]:
        """Return the (height, width) in pixels of a key that must be present.

        If it is absent, or not a list of two integers from 1 to 65535, an error is recorded and
        (1, 1) is returned.
        """
        values = self._get(key, list, "a list [height, width]", None, [1, 1])
        if len(values) != 2 or not all(
            type(value) is int and 0 < value <= MAX_SIDE for value in values
        ):
            self.refuse(
                key,
                f"'{key}' must be two whole numbers [height, width] from 1 to {MAX_SIDE}, not "
                f"{_written(values)}.",
            )
            return 1, 1
        return values[0], values[1]

    def table(self, key: str) -> TomlTable:
        """Return the nested table of a key; an empty one if absent or wrong.

        A value that is not a table is recorded as an error. If an unknown key resembles the absent
        one, only that is recorded, and not what the table lacks.
        """
        values = self._get(key, dict, "a table", {}, {})
        if key not in self._values and f"'{key}'" in self._misspelt:
            return TomlTable(values, self._where)
        return self._inner(values, f"[{key}]", key)

    def tables(self, key: str) -> list[TomlTable]:
        """Return the tables of an array of tables, in order.

        If the key is absent or its value is not an array of tables, an error is recorded and [] is
        returned.
        """
        values = self._get(key, list, "an array of tables", None, [])
        if not all(isinstance(value, dict) for value in values):
            self.refuse(key, f"'{key}' must be an array of tables, not {_written(values)}.")
            return []
        return [
            self._inner(value, f"[[{key}]] number {index + 1}", key, index)
            for index, value in enumerate(values)
        ]

    def entries(self, choices: Sequence[str] = ()) -> dict[str, str]:
        """Return all entries of a table whose values are strings, by key.

        For a value that is not a string or, if there are `choices`, not one of them, an error is
        recorded and the first choice, or "", is returned.
        """
        return {key: self.text(key, choices) for key in self._values}

    def value(self, key: str) -> Any:
        """Return the value of a key, of any TOML type, unchecked.

        Raises:
            KeyError: the key is absent.
        """
        return self._values[key]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the table, in file order."""
        return tuple(self._values)

    @property
    def where(self) -> str:
        """The file and table as named in messages: "recipe.toml [budget]"."""
        return f"{self._where} {self._label}".strip()

    def has(self, key: str) -> bool:
        """Return True if a key is present."""
        return key in self._values

    def refuse(self, key: str, sentences: str) -> None:
        """Record that a key is wrong.

        Args:
            key: the key, of this table.
            sentences: what is wrong and what to do; file, line and table are put before them.
        """
        self._wrong.add(key)
        self._mistakes.add(f"{self._at(key)}: {sentences}", (*self._path, key))

    def is_wrong(self, *keys: str) -> bool:
        """Return True if an error of at least one of the keys is recorded."""
        return not self._wrong.isdisjoint(keys)

    def raise_mistakes(self) -> None:
        """Raise all errors of the file that are recorded so far, those of other tables included.

        Raises:
            RecipeError: there is one.
        """
        self._mistakes.raise_all()

    def fail(self, key: str, sentences: str) -> NoReturn:
        """Record that a key is wrong, as `refuse` does, and raise all recorded errors of the file.

        Raises:
            RecipeError: always.
        """
        self.refuse(key, sentences)
        self.raise_mistakes()
        raise AssertionError("an error was recorded")

    def refuse_others(self, known: Collection[str]) -> None:
        """Record every key of the table that is not in `known` as wrong.

        The messages suggest similar known keys, preferring absent ones.
        """
        absent = [key for key in known if key not in self._values]
        for key in self._values:
            if key not in known:
                near = did_you_mean(key, absent) or did_you_mean(key, known)
                self._misspelt += near
                self.refuse(key, f"unknown key '{key}'.{near} Known keys: {', '.join(known)}.")

    def _is_one_of(self, key: str, value: str, choices: Sequence[str]) -> bool:
        """Return True if a value is one of the choices, or there are none; record it if not."""
        if not choices or value in choices:
            return True
        self.refuse(
            key,
            f"'{key}' is \"{value}\"; it must be one of {', '.join(choices)}."
            f"{did_you_mean(value, choices)}",
        )
        return False

    def _at(self, key: str) -> str:
        line = self._mistakes.line((*self._path, key))
        file = f"{self._where}, line {line}" if line else self._where
        return f"{file}: {self._label}" if line and self._label else f"{file} {self._label}".strip()

    def _inner(self, values: Mapping[str, Any], label: str, *keys: str | int) -> TomlTable:
        label = f"{self._label} {label}".strip()
        return TomlTable(values, self._where, label, (*self._path, *keys), self._mistakes)

    def _get(self, key: str, kind: Any, wanted: str, default: Any, stand_in: Any) -> Any:
        if key not in self._values:
            if default is not None:
                return default
            self._wrong.add(key)
            if f"'{key}'" not in self._misspelt:
                self.refuse(key, f"the key '{key}' is missing; it is {wanted}.")
            return stand_in
        value = self._values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            self.refuse(key, f"'{key}' must be {wanted}, not {_written(value)}.")
            return stand_in
        return value


def _written(value: Any) -> str:
    """Return a value nearly as TOML writes it: text in double quotes, true and false."""
    return json.dumps(value, ensure_ascii=False, default=str)


def checked_name(name: str) -> str:
    """Return a name of a recipe made in Python if it can be a file stem.

    Raises:
        RecipeError: it is empty or contains a path separator.
    """
    if not name or name != Path(name).name:
        raise RecipeError(
            f"'{name}' cannot be a recipe's name: a file is named after it, so it may not be "
            "empty or contain a slash."
        )
    return name
