"""Writing of a quantization recipe that keeps layers in float, as text to read and commit."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping

TABLE = "[precision]"
WIDTH = 98


def with_precision(recipe: str, precision: Mapping[str, str], remark: str) -> str:
    """Return the text of a recipe with its [precision] table replaced, as the last table.

    The other keys keep their text, except `when_over_budget`, which the table supersedes.

    Args:
        recipe: TOML text of a recipe of `quantize/`; what follows its [precision] is dropped.
        precision: "int8" or "float" by layer name; layers that are not named are int8.
        remark: how the choice was made, in sentences; written as a comment.
    """
    kept = re.split(rf"(?m)^(?:#[^\n]*\n)*{re.escape(TABLE)}", recipe)[0]
    kept = re.sub(r"(?m)^(?:#[^\n]*\n)*when_over_budget\s*=.*\n?", "", kept).rstrip()
    comment = [
        *textwrap.wrap(remark, WIDTH),
        'What each layer computes in, by its name: "int8", or "float", which keeps its weights as',
        "they are and rounds nothing between two such layers. Layers without a line are int8.",
    ]
    lines = [f"# {line}" for line in comment]
    entries = [f"{json.dumps(name)} = {json.dumps(kind)}" for name, kind in precision.items()]
    return "\n".join([kept, "", *lines, TABLE, *entries, ""])
