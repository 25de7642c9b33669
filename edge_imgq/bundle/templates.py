"""The texts of a bundle that are filled in from its contract."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


@cache
def template(path: Path) -> jinja2.Template:
    """Compile a Jinja template, once per process and path.

    An undefined name in it is an error when it is rendered, and nothing is escaped: the result is
    Markdown or code. A last newline is kept.

    Args:
        path: UTF-8 text that ships with the package.

    Raises:
        jinja2.TemplateSyntaxError: it is not a Jinja template.
    """
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    return environment.from_string(path.read_text(encoding="utf-8"))
