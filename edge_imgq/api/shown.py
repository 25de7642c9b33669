"""Show results that are text tables in notebooks."""

from __future__ import annotations


class ShownAsText:
    """Mixin that shows a result's `str()` in a notebook, preformatted."""

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import preformatted

        return preformatted(str(self))
