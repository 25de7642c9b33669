"""Distribution packages, fetched by apt into a separate folder without installation.

apt verifies the archive's signature as usual. Its lists, status and archives are in a separate
folder, so the system's stay unchanged. An empty status makes apt fetch all dependencies, down to
the C library.
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
    """apt-get with separate lists, status and archives.

    Attributes:
        state: folder that holds them.
        architecture: Debian architecture of the packages; empty for this machine's.
        subject: name of what is set up, as the subject of a message.
        options: further apt options.
    """

    state: Path
    architecture: str
    subject: str
    options: tuple[str, ...] = ()

    def command(self, *words: str, program: str = "apt-get") -> list[str]:
        """Return the command line that runs apt-get, or another program of apt, on `state`.

        `words` are its arguments. The folders of the state are created, but nothing is run.
        """
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
        """Download the distribution's package lists into `state`, with `apt-get update`.

        Raises:
            RuntimeUnavailableError: they cannot be fetched.
        """
        self.run("-qq", "update")

    def fetch(self, *packages: str, release: str = "") -> None:
        """Download packages with all dependencies into `state`/archives; nothing is installed.

        Args:
            packages: names of packages.
            release: preferred release of the distribution; empty for apt's choice.

        Raises:
            RuntimeUnavailableError: a package does not exist or cannot be fetched.
        """
        self.run(*FETCH, *(("-t", release) if release else ()), "install", *packages)

    def unpack(self, root: Path, without: Collection[str] = ()) -> None:
        """Unpack all fetched packages into a folder; their install scripts are not run.

        Args:
            root: folder to unpack into; files there are overwritten.
            without: names of packages to skip.

        Raises:
            RuntimeUnavailableError: a package is damaged or cannot be unpacked.
        """
        for archive in sorted((self.state / "archives").glob("*.deb")):
            if archive.name.split("_")[0] not in without:
                self.run_command("dpkg-deb", "-x", str(archive), str(root))

    def run(self, *words: str) -> None:
        """Run apt-get with the given arguments on the separate state, and wait for it.

        Raises:
            RuntimeUnavailableError: it failed; its last line of output is in the message.
        """
        run_command(self.command(*words), self.subject)

    def run_command(self, *command: str, folder: Path | None = None) -> None:
        """Run another command of the set-up and wait for it; its output is not shown.

        Args:
            command: program and arguments.
            folder: working directory; None for the current one.

        Raises:
            RuntimeUnavailableError: it failed; its last line of output is in the message.
        """
        run_command(command, self.subject, folder)


def run_command(command: Sequence[str], subject: str, folder: Path | None = None) -> None:
    """Run one command of a set-up and wait for it; its output is not shown.

    Args:
        command: program and arguments.
        subject: name of what is set up, as the subject of a message.
        folder: working directory; None for the current one.

    Raises:
        RuntimeUnavailableError: it ended with an exit code other than 0; the message has the last
            line of its output.
        FileNotFoundError: there is no such program.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeUnavailableError(
            f"{subject} could not be set up: `{' '.join(command)}` ended with exit code "
            f"{done.returncode}: {said[-1] if said else 'it said nothing'}"
        )


def no_apt(what: str, advice: str) -> str:
    """Return why apt cannot fetch packages on this machine; "" if it can.

    A clause: the system is not Linux, or `apt-get` or `dpkg-deb` is missing.

    Args:
        what: name of what is to be set up, as the subject of a clause.
        advice: where it can be set up.
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
