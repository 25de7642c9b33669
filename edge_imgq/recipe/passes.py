"""Names of the graph passes that a recipe may list, and what some of them were called before."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from edge_imgq.recipe.toml_reader import TomlTable

PASS_NAMES = (
    "canonical",
    "sub-pixel",
    "crd-to-dcr",
    "sign-split",
    "cheap-sign-split",
    "merge-skip-branches",
    "pixel-shuffle-to-deconv",
    "zero-insertion",
)
"""The keys of `edge_imgq.graph.rewrite.PASSES`."""

RENAMED = {
    "shuffle-order": "crd-to-dcr",
    "skips": "merge-skip-branches",
    "transposed": "pixel-shuffle-to-deconv",
}
"""Old names of passes, which recipes may still use, and the names that took their place."""


class RenamedPassWarning(UserWarning):
    """A recipe names a pass by an old name. The new one is used, and the text says it."""


def read_passes(table: TomlTable, default: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the passes that a recipe lists, each by its present name.

    Warns with `RenamedPassWarning` for every old name.

    Args:
        table: of the recipe; its key is "passes".
        default: for a recipe without the key; None where it must have one.

    Raises:
        RecipeError: a pass does not exist.
    """
    names = table.texts("passes", (*PASS_NAMES, *RENAMED), default)
    for name in names:
        if name in RENAMED:
            warnings.warn(
                f"{table.where}: the pass '{name}' is now called '{RENAMED[name]}'. The old name "
                "still works; please write the new one.",
                RenamedPassWarning,
                stacklevel=2,
            )
    return tuple(RENAMED.get(name, name) for name in names)
