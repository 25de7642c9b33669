"""Running a command of a page."""

from __future__ import annotations

import contextlib
import io

from edge_imgq.cli.main import main


def run(words: list[str], more: tuple[str, ...]) -> None:
    """Run a command in this process, and fail where it fails or says nothing.

    Args:
        words: of the command, without the program's name.
        more: words to add, so that what takes long takes a moment.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*words, *more])
    assert code == 0, f"{' '.join(words)}: {err.getvalue()}"
    assert out.getvalue() or "--update" in words
