"""Writing a quantization recipe that keeps layers in float, as text that people read and commit."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping

TABLE = "[precision]"
WIDTH = 98


def with_precision(recipe: str, precision: Mapping[str, str], remark: str) -> str:
    """Return the text of a recipe with another table of precisions; the rest stays as it is.

    What it says of files over budget is left out: the table answers that.

    Args:
        recipe: text of a recipe of `quantize/`.
        precision: "int8" or "float" by the name of a layer.
        remark: how the choice came about, in sentences; becomes a comment.
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
