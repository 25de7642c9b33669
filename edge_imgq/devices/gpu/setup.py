"""Fetching Mesa's software Vulkan driver, lavapipe, into the user's cache.

LiteRT's GPU kernels need a Vulkan driver, and a machine without a GPU has none. lavapipe is one
that computes on processors. It is a package of the distribution, fetched with all libraries that
it needs but those of C and C++, which the Python that loads it brings. Nothing is installed.

LiteRT's kernels choose among arrays of buffers by an index that is computed, which lavapipe has
from Mesa 23 on, and 25 is the oldest that they were run on. Where the distribution's own is older,
its backports are asked, from the same mirror.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edge_imgq.artifact import staging
from edge_imgq.devices.apt import Apt, no_apt, run_step
from edge_imgq.errors import RuntimeUnavailableError

DRIVERS, LOADER = "mesa-vulkan-drivers", "libvulkan1"
OLDEST = 25
"""Of Mesa."""

SUBJECT = "The software Vulkan driver"
RECORD = "gpu.json"
MANIFEST = "lvp_icd*.json"
"""Of lavapipe, which Mesa's package has beside those of other drivers; newer ones name the
architecture in it."""

LEFT_OUT = ("libc6", "libstdc++6", "libgcc-s1")
"""What the process has that loads the driver: a second C library in it would end it."""

WORKER = "edge_imgq.devices.gpu.worker"


@dataclass(frozen=True)
class SoftwareVulkan:
    """What was set up.

    Attributes:
        folder: that holds it all.
        libraries: folders of shared libraries.
        manifest: of the driver.
        mesa: its version.
    """

    folder: Path
    libraries: tuple[str, ...]
    manifest: str
    mesa: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which a process finds the driver, and no other."""
        return {
            "LD_LIBRARY_PATH": ":".join(str(self.folder / path) for path in self.libraries),
            "VK_ICD_FILENAMES": str(self.folder / self.manifest),
            "VK_DRIVER_FILES": str(self.folder / self.manifest),  # its newer name, which goes first
            "MESA_SHADER_CACHE_DIR": str(self.folder / "shaders"),
        }


def cache_folder() -> Path:
    """Return where it is set up."""
    return Path.home() / ".cache" / "edge-imgq" / "gpu"


def read_driver(folder: Path) -> SoftwareVulkan | None:
    """Return what was set up in a folder, None where nothing was, or it is not whole."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        libraries = tuple(record["libraries"])
        driver = SoftwareVulkan(folder, libraries, record["manifest"], record["mesa"])
    except (OSError, ValueError, KeyError):
        return None
    return driver if (folder / driver.manifest).is_file() else None


def cannot_be_set_up() -> str:
    """Return why nothing can be set up on this machine; empty where it can."""
    return no_apt(SUBJECT.lower(), "set up on Debian 12 or Ubuntu 24.04, or newer")


def set_up(folder: Path, watch: Callable[[str], None]) -> SoftwareVulkan:
    """Fetch and unpack the driver into a folder, and run a file on it once.

    Args:
        folder: gets it all, or stays as it was.
        watch: told of every step.

    Raises:
        RuntimeUnavailableError: something could not be fetched, is too old, or does not run.
        OutputError: there is no room.
    """
    if reason := cannot_be_set_up():
        raise RuntimeUnavailableError(f"{SUBJECT} cannot be set up: {reason}.")
    with staging(folder.parent) as stage:
        work = stage / folder.name
        watch("look up the packages of the distribution")
        apt = Apt(work / "apt", "", SUBJECT)
        apt.update()
        apt, release, mesa = _source(apt, work, watch)
        watch(f"fetch Mesa {mesa}")
        apt.fetch(DRIVERS, LOADER, release=release)
        apt.unpack(work / "root", LEFT_OUT)
        shutil.rmtree(work / "apt")
        driver = SoftwareVulkan(folder, _libraries(work), "lavapipe.json", mesa)
        _keep_lavapipe(work, driver)
        record = {"libraries": driver.libraries, "manifest": driver.manifest, "mesa": mesa}
        (work / RECORD).write_text(json.dumps(record), encoding="utf-8")
        watch("run a file on it once")
        try_driver(replace(driver, folder=work))
        _name_library(work, driver)
    return driver


def _source(apt: Apt, work: Path, watch: Callable[[str], None]) -> tuple[Apt, str, str]:
    """Return apt, the release and Mesa's version there, with backports where they are needed.

    Raises:
        RuntimeUnavailableError: none of them is new enough.
    """
    mesa = _candidate(apt, "")
    if _major(mesa) >= OLDEST:
        return apt, "", mesa
    watch("look for a newer Mesa in the backports")
    archive, codename = _own_archive(apt)
    release = f"{codename}-backports"
    sources = work / "apt" / "sources.list"
    own = Path("/etc/apt/sources.list")
    kept = own.read_text(encoding="utf-8") if own.is_file() else ""
    sources.write_text(f"{kept}\ndeb {archive} {release} main\n", encoding="utf-8")
    newer = replace(apt, options=(*apt.options, f"Dir::Etc::sourcelist={sources}"))
    try:
        newer.update()
        backported = _candidate(newer, release)
    except RuntimeUnavailableError:
        backported = ""
    if _major(backported) < OLDEST:
        raise RuntimeUnavailableError(
            f"{SUBJECT} cannot be set up: LiteRT's GPU kernels need Mesa {OLDEST} or newer, and "
            f"{codename or 'this distribution'} has {mesa or 'none'}, its backports "
            f"{backported or 'none'}. Set up on Debian 12 or Ubuntu 24.04, or newer."
        )
    return newer, release, backported


def _candidate(apt: Apt, release: str) -> str:
    """Return the version of Mesa that apt would take, of a release first; empty for none."""
    words = ("-qq", "--simulate", *(("-t", release) if release else ()), "install", DRIVERS)
    command = apt.command("--no-install-recommends", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(rf"^Inst {DRIVERS} \((\S+)", done.stdout, re.MULTILINE)
    return found[1] if found else ""


def _own_archive(apt: Apt) -> tuple[str, str]:
    """Return address and code name of the archive that the distribution's own Mesa is in."""
    fields = "$(CREATED_BY) $(REPO_URI) $(CODENAME) $(COMPONENT)"
    command = apt.command("indextargets", "--format", fields)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    own = re.search(r"^VERSION_CODENAME=(\w+)", os_release(), re.MULTILINE)
    for line in done.stdout.splitlines():
        kind, archive, codename, component = (*line.split(), "", "", "", "")[:4]
        if own and (kind, codename, component) == ("Packages", own[1], "main"):
            return archive, codename
    return "", own[1] if own else ""


def os_release() -> str:
    """Return the text of /etc/os-release; "" where there is none."""
    path = Path("/etc/os-release")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _major(version: str) -> int:
    found = re.match(r"(?:\d+:)?(\d+)", version)
    return int(found[1]) if found else 0


def _libraries(work: Path) -> tuple[str, ...]:
    """Return the folders below `work` that hold shared libraries."""
    found = {path.parent.relative_to(work) for path in (work / "root").rglob("*.so.*")}
    return tuple(str(path) for path in sorted(found))


def _keep_lavapipe(work: Path, driver: SoftwareVulkan) -> None:
    """Write the manifest of lavapipe, and remove the other drivers and all documentation."""
    manifests = list((work / "root").rglob(MANIFEST))
    if not manifests:
        raise RuntimeUnavailableError(
            f"{SUBJECT} cannot be set up: {DRIVERS} {driver.mesa} has no lavapipe here."
        )
    kept = Path(json.loads(manifests[0].read_text(encoding="utf-8"))["ICD"]["library_path"]).name
    (work / driver.manifest).write_text(manifests[0].read_text(encoding="utf-8"), encoding="utf-8")
    for library in (work / "root").rglob("libvulkan_*.so"):
        if library.name != kept:
            library.unlink()
    shutil.rmtree(work / "root" / "usr" / "share", ignore_errors=True)
    _name_library(work, replace(driver, folder=work))


def _name_library(work: Path, driver: SoftwareVulkan) -> None:
    """Have the manifest in `work` name the driver's library where it will lie."""
    path = work / driver.manifest
    manifest = json.loads(path.read_text(encoding="utf-8"))
    name = Path(manifest["ICD"]["library_path"]).name
    (library,) = (work / "root").rglob(name)
    manifest["ICD"]["library_path"] = str(driver.folder / library.relative_to(work))
    path.write_text(json.dumps(manifest), encoding="utf-8")


def try_driver(driver: SoftwareVulkan) -> None:
    """Compute a small network with a driver, in a process of its own.

    Raises:
        DeviceError: that process failed.
    """
    words = [f"{name}={value}" for name, value in driver.environment.items()]
    run_step(["env", *words, sys.executable, "-m", WORKER, "try"], SUBJECT)
