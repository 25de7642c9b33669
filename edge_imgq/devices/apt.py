"""Packages of the distribution, fetched by apt into a folder of their own; nothing is installed.

apt checks the archive's signature, as it does for the system. Its lists, its status and its
archives are in a folder of their own, so the system's are not touched, and an empty status has it
fetch what a package depends on, down to the C library.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.errors import RuntimeUnavailableError

TOOLS = ("apt-get", "dpkg-deb")
FETCH = ("-qq", "-y", "--no-install-recommends", "--download-only")


@dataclass(frozen=True)
class Apt:
    """apt-get with lists, status and archives of its own.

    Attributes:
        state: folder that holds them.
        architecture: of the packages, as Debian calls it; empty for this machine's own.
        subject: what is being set up, at the beginning of a sentence.
        options: of apt beside those.
    """

    state: Path
    architecture: str
    subject: str
    options: tuple[str, ...] = ()

    def command(self, *words: str, program: str = "apt-get") -> list[str]:
        """Return the command that runs apt-get, or another of apt's programs, on the own state."""
        for name in ("lists/partial", "archives/partial"):
            (self.state / name).mkdir(parents=True, exist_ok=True)
        (self.state / "status").touch()
        architecture = self.architecture or _own_architecture()
        options = (
            f"APT::Architecture={architecture}",
            f"APT::Architectures={architecture}",
            "APT::Sandbox::User=",
            f"Dir::State::lists={self.state / 'lists'}",
            f"Dir::State::status={self.state / 'status'}",
            f"Dir::Cache::archives={self.state / 'archives'}",
            "Dir::Cache::pkgcache=",
            "Dir::Cache::srcpkgcache=",
            "Debug::NoLocking=true",
            *self.options,
        )
        return [program, *(word for option in options for word in ("-o", option)), *words]

    def update(self) -> None:
        """Fetch the lists of packages.

        Raises:
            RuntimeUnavailableError: they cannot be fetched.
        """
        self.run("-qq", "update")

    def fetch(self, *packages: str, release: str = "") -> None:
        """Fetch packages and all that they depend on.

        Args:
            packages: their names.
            release: of the distribution, which they are taken from first; empty for apt's choice.

        Raises:
            RuntimeUnavailableError: there is no such package, or it cannot be fetched.
        """
        self.run(*FETCH, *(("-t", release) if release else ()), "install", *packages)

    def unpack(self, root: Path, without: Collection[str] = ()) -> None:
        """Unpack everything that was fetched into a folder.

        Args:
            root: gets it.
            without: names of packages that are left out.
        """
        for archive in sorted((self.state / "archives").glob("*.deb")):
            if archive.name.split("_")[0] not in without:
                self.step("dpkg-deb", "-x", str(archive), str(root))

    def run(self, *words: str) -> None:
        """Run apt-get on the own state.

        Raises:
            RuntimeUnavailableError: it failed.
        """
        run_step(self.command(*words), self.subject)

    def step(self, *command: str, folder: Path | None = None) -> None:
        """Run one other step of setting up; see `run_step`."""
        run_step(command, self.subject, folder)


def run_step(command: Sequence[str], subject: str, folder: Path | None = None) -> None:
    """Run one step of setting up.

    Args:
        command: its words.
        subject: what is being set up, at the beginning of a sentence.
        folder: where it runs.

    Raises:
        RuntimeUnavailableError: it failed.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeUnavailableError(
            f"{subject} could not be set up: `{' '.join(command)}` ended with exit code "
            f"{done.returncode}: {said[-1] if said else 'it said nothing'}"
        )


def no_apt(what: str, advice: str) -> str:
    """Return why nothing can be fetched by apt on this machine; empty where it can.

    Args:
        what: is to be set up, at the beginning of a clause.
        advice: where it can be.
    """
    if platform.system() != "Linux":
        return f"{what} needs Linux, and this is {platform.system()}"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"there is no {' and no '.join(missing)} here; {advice}" if missing else ""


def _own_architecture() -> str:
    done = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
