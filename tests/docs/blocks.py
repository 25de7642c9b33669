"""The code blocks of a Markdown page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.conftest import CHECKOUT

README = CHECKOUT / "README.md"
COMMANDS_PAGE = CHECKOUT / "docs" / "commands.md"
REPORT_PAGE = CHECKOUT / "docs" / "report.md"
PAGES = (README, *sorted((CHECKOUT / "docs").glob("*.md")))

BLOCK = re.compile(r"^ *```(?P<language>\w+)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the bodies of a page's blocks in some languages, in order."""
    text = page.read_text(encoding="utf-8")
    found = BLOCK.finditer(text)
    return [match["body"] for match in found if match["language"] in languages]


def commands(page: Path) -> list[list[str]]:
    """Return every `edge-imgq` command of a page as its words, without the program's name."""
    lines = "".join(blocks(page, "console", "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line.strip().removeprefix("$ "), comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["edge-imgq"]]
