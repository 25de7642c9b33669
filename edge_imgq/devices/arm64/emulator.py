"""Fetches QEMU's user-mode emulator of Arm, and compiles the plugin that counts instructions.

Debian's static build of QEMU supports no plugins, the dynamic one does. It is fetched with all its
libraries, down to the C library, and with tcc, a C compiler of 300 kB that compiles the plugin.
Where a distribution lacks one of them, the static build is used, which counts nothing.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.devices.apt import Apt
from edge_imgq.devices.instructions import MARK, SOURCES
from edge_imgq.errors import RuntimeUnavailableError

STATIC = "qemu-aarch64-static"
DYNAMIC = "qemu-aarch64"
PLUGIN = "instructions.so"
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
LOADER = "ld-linux-x86-64.so.2"
"""LIBRARIES and LOADER are those of x86-64; other hosts use the static build."""


@dataclass(frozen=True)
class Emulator:
    """An emulator that was set up.

    Attributes:
        command: command line that starts it.
        plugin: path of the counting plugin; "" for none.
    """

    command: tuple[str, ...]
    plugin: str = ""


def fetch_emulator(apt: Apt, work: Path, folder: Path) -> Emulator:
    """Download QEMU's emulator of Arm, with the plugin that counts instructions if possible.

    Without the plugin, an installed static build is used, or downloaded. Nothing is installed.

    Args:
        apt: apt for packages of this machine, with its state in `work`/host.
        work: folder to unpack into.
        folder: final path of `work`, to which it will be renamed; the command line names it.

    Raises:
        RuntimeUnavailableError: the distribution has no emulator.
    """
    with suppress(RuntimeUnavailableError, FileNotFoundError):
        return _fetch_counting(apt, work, folder)
    shutil.rmtree(work / "emulator", ignore_errors=True)
    installed = shutil.which(STATIC)
    return Emulator((installed,)) if installed else _fetch_static(apt, work, folder)


def _fetch_counting(apt: Apt, work: Path, folder: Path) -> Emulator:
    root = work / "emulator"
    apt.update()
    apt.fetch("qemu-user", "tcc")
    apt.unpack(root)
    _compile_plugin(apt, root)
    for program in (root / "usr" / "bin").glob("qemu-*"):
        if program.name != DYNAMIC:
            program.unlink()
    shutil.rmtree(root / "usr" / "share", ignore_errors=True)
    plugin = folder / root.name / PLUGIN
    return Emulator(tuple(_loaded(root, folder / root.name, DYNAMIC)), str(plugin))


def _compile_plugin(apt: Apt, root: Path) -> None:
    own = next(path for path in root.rglob("libtcc1.a")).parent
    words = [f"-B{own}", f"-DMARK={MARK}", "-nostdlib", "-shared"]
    apt.run_command(
        *_loaded(root, root, "tcc"), *words, "-o", str(root / PLUGIN), *map(str, SOURCES)
    )


def _loaded(root: Path, destination: Path, program: str) -> list[str]:
    """Return the command line that runs a fetched program with the fetched libraries.

    Args:
        root: folder with program and libraries.
        destination: final path of `root`.
        program: name of the program in usr/bin.

    Raises:
        FileNotFoundError: they are not for x86-64.
    """
    loaders = [path for path in root.rglob(LOADER) if not path.is_symlink()]
    if not loaders:
        raise FileNotFoundError(LOADER)
    libraries = ":".join(str(destination / folder) for folder in LIBRARIES)
    loader = destination / loaders[0].relative_to(root)
    return [str(loader), "--library-path", libraries, str(destination / "usr" / "bin" / program)]


def _fetch_static(apt: Apt, work: Path, folder: Path) -> Emulator:
    """Fetch the package with the static build for this machine, and keep the program only."""
    fetched = work / "host" / "static"
    fetched.mkdir(parents=True)
    apt.run_command("apt-get", "-qq", "download", "qemu-user-static", folder=fetched)
    (archive,) = fetched.glob("*.deb")
    apt.run_command("dpkg-deb", "-x", str(archive), str(fetched))
    shutil.move(str(fetched / "usr" / "bin" / STATIC), work / STATIC)
    return Emulator((str(folder / STATIC),))
