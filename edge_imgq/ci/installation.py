"""List the packages that CI must install to compute as this machine does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from edge_imgq.errors import UsageError

PROJECT = "edge-imgq"
CONSTRAINTS_HEADING = "# What edge-imgq ran with when CI was set up."


def python_version() -> str:
    """Return the version of this Python, such as "3.11"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def constraints(heading: str = CONSTRAINTS_HEADING, more: Iterable[str] = ()) -> str:
    """Return the installed versions of all packages that edge-imgq uses, as pip constraints.

    The heading, then one line "name==version" for each, sorted by name, direct and indirect
    dependencies. Local version labels after "+", such as that of PyTorch's CPU builds, are removed,
    because an index lists the packages without them.

    Args:
        heading: first line, a comment.
        more: further installed packages.

    Raises:
        importlib.metadata.PackageNotFoundError: a package of `more` is not installed.
    """
    names = sorted({*_needed(), *more})
    lines = (f"{name}=={metadata.version(name).partition('+')[0]}" for name in names)
    return "\n".join([heading, *lines, ""])


def _needed() -> list[str]:
    """Return the names of edge-imgq's direct and indirect dependencies here, sorted."""
    names: set[str] = set()
    open_names = [PROJECT]
    while open_names:
        for name in _requirements(open_names.pop()):
            if name not in names:
                names.add(name)
                open_names.append(name)
    return sorted(names)


def _requirements(project: str) -> Iterator[str]:
    """Yield the dependencies of an installed project on this machine, without extras."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for text in metadata.requires(project) or ():
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield str(name)


def own_wheel() -> Path:
    """Return the wheel that edge-imgq was installed from.

    Raises:
        UsageError: it was not installed from a wheel, or the wheel is gone.
    """
    # Every command imports this module, and these two take longer than all else in it.
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    record = metadata.distribution(PROJECT).read_text("direct_url.json")
    url = urlsplit(json.loads(record)["url"] if record else "")
    path = Path(url2pathname(url.path))
    if url.scheme == "file" and path.suffix == ".whl" and path.is_file():
        return path
    raise UsageError(
        "CI installs edge-imgq from a wheel in your repository, and this one was not installed "
        "from a wheel that is still there. Name one with --wheel; `make wheel` in a checkout of "
        "edge-imgq writes it to dist/."
    )
