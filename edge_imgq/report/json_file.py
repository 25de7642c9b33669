"""Strict reading of JSON files that a user names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from edge_imgq.errors import RecipeError


def read_json(path: Path) -> Any:
    """Return the parsed contents of a JSON file.

    Raises:
        FileNotFoundError: The file does not exist.
        RecipeError: It cannot be read, is not UTF-8, or is not JSON. Infinity and NaN are refused.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not valid JSON: it is not text.") from error
    except ValueError as error:
        raise RecipeError(f"{path} is not valid JSON: {error}.") from error


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")
