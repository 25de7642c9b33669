"""Making the environments of peers; one that cannot be made is a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.peer_table import ENVIRONMENTS, Environment
from edge_imgq.skipped import Skipped

ROOT = Path(__file__).resolve().parent.parent / ".venv-peers"
DONE = "installed.txt"
"""In a finished environment; holds what pip was asked for."""


def interpreter(name: str, root: Path = ROOT) -> Path | Skipped:
    """Return the Python of an environment, which is made if it is not there yet."""
    environment = ENVIRONMENTS[name]
    folder = root / name
    python = folder / "bin" / "python"
    wanted = "\n".join(environment.requirements)
    done = folder / DONE
    if done.is_file() and done.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    reason = _make(environment, folder)
    if reason:
        return Skipped(reason)
    done.write_text(wanted)
    return python


def _make(environment: Environment, folder: Path) -> str:
    """Make an environment; return why it could not be made, "" if it was."""
    base = _find(environment.python)
    if base is None:
        return f"needs {environment.python}, which is not on this machine"
    python = str(folder / "bin" / "python")
    commands = (
        [str(base), "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "--quiet", *environment.requirements],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            return "cannot be installed: " + (errors or ["pip failed"])[-1]
    return ""


def _find(name: str) -> Path | None:
    """Return an interpreter that starts; a shim of pyenv may lie on the path and not start."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    version = name.removeprefix("python")
    candidates = [Path(found)] if (found := shutil.which(name)) else []
    candidates += sorted(pyenv.glob(f"{version}*/bin/{name}"), reverse=True)
    for path in candidates:
        started = subprocess.run([path, "--version"], capture_output=True, check=False)
        if started.returncode == 0:
            return path
    return None
