"""What a notebook shows of a result that is a table of text."""

from __future__ import annotations


class ShownAsText:
    """A result whose table, as the command line prints it, is what a notebook shows."""

    def _repr_html_(self) -> str:
        from edge_imgq.report.notebook import preformatted

        return preformatted(str(self))
