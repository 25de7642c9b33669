"""Fetches Mesa's software Vulkan driver, lavapipe, into the user's cache.

LiteRT's GPU kernels need a Vulkan driver, which a machine without a GPU lacks. lavapipe computes on
the CPU. It comes as a distribution package, fetched with all libraries that it needs except those
of C and C++, which the Python process already has. Nothing is installed.

LiteRT's kernels index arrays of buffers with a computed index, which lavapipe supports from Mesa
23; the oldest version on which they were run is 25. If the distribution's Mesa is older, its
backports are searched, on the same mirror.
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
from edge_imgq.devices.apt import Apt, no_apt, run_command
from edge_imgq.errors import RuntimeUnavailableError

DRIVERS, LOADER = "mesa-vulkan-drivers", "libvulkan1"
OLDEST = 25
"""Oldest supported major version of Mesa."""

SUBJECT = "The software Vulkan driver"
RECORD = "gpu.json"
MANIFEST = "lvp_icd*.json"
"""Manifest of lavapipe, among those of other drivers; newer ones include the architecture."""

LEFT_OUT = ("libc6", "libstdc++6", "libgcc-s1")
"""Libraries that the loading process already has; a second C library would crash it."""

WORKER = "edge_imgq.devices.gpu.worker"


@dataclass(frozen=True)
class SoftwareVulkan:
    """A software Vulkan driver that was set up.

    Attributes:
        folder: folder with everything.
        libraries: folders of shared libraries, relative to `folder`.
        manifest: file name of the driver's manifest in `folder`.
        mesa: version of Mesa.
    """

    folder: Path
    libraries: tuple[str, ...]
    manifest: str
    mesa: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a process finds this driver and no other."""
        return {
            "LD_LIBRARY_PATH": ":".join(str(self.folder / path) for path in self.libraries),
            "VK_ICD_FILENAMES": str(self.folder / self.manifest),
            "VK_DRIVER_FILES": str(self.folder / self.manifest),  # newer name, preferred
            "MESA_SHADER_CACHE_DIR": str(self.folder / "shaders"),
        }


def cache_folder() -> Path:
    """Return the path where the driver is set up, ~/.cache/edge-imgq/gpu.

    Nothing is created or looked for there; `read_driver` does that.
    """
    return Path.home() / ".cache" / "edge-imgq" / "gpu"


def read_driver(folder: Path) -> SoftwareVulkan | None:
    """Return the driver that `set_up` left in a folder; None if there is none or it is incomplete.

    It is not run.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        libraries = tuple(record["libraries"])
        driver = SoftwareVulkan(folder, libraries, record["manifest"], record["mesa"])
    except (OSError, ValueError, KeyError):
        return None
    return driver if (folder / driver.manifest).is_file() else None


def cannot_be_set_up() -> str:
    """Return why this machine cannot set up the software Vulkan driver; "" if it can.

    The reason is a clause without full stop. Only the system and the presence of apt's programs
    are checked; nothing is fetched.
    """
    return no_apt(SUBJECT.lower(), "set up on Debian 12 or Ubuntu 24.04, or newer")


def set_up(folder: Path, watch: Callable[[str], None]) -> SoftwareVulkan:
    """Download and unpack a Vulkan driver that computes on the CPU, and run a file on it once.

    About 200 MB, by apt; nothing is installed in the system.

    Args:
        folder: destination, replaced; unchanged on failure.
        watch: called with a description of every step.

    Raises:
        RuntimeUnavailableError: something could not be fetched, is too old, or does not run.
        OutputError: storage is full.
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
    """Return apt, release and version of a Mesa that is new enough, from backports if necessary.

    Raises:
        RuntimeUnavailableError: there is none.
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
    """Return the version of Mesa that apt would install, preferring a release; "" for none."""
    words = ("-qq", "--simulate", *(("-t", release) if release else ()), "install", DRIVERS)
    command = apt.command("--no-install-recommends", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(rf"^Inst {DRIVERS} \((\S+)", done.stdout, re.MULTILINE)
    return match[1] if match else ""


def _own_archive(apt: Apt) -> tuple[str, str]:
    """Return URL and code name of the archive with the distribution's own Mesa."""
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
    """Return the text of /etc/os-release, or "" if there is none."""
    path = Path("/etc/os-release")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _major(version: str) -> int:
    match = re.match(r"(?:\d+:)?(\d+)", version)
    return int(match[1]) if match else 0


def _libraries(work: Path) -> tuple[str, ...]:
    """Return the folders below `work` with shared libraries, relative to it."""
    folders = {path.parent.relative_to(work) for path in (work / "root").rglob("*.so.*")}
    return tuple(str(path) for path in sorted(folders))


def _keep_lavapipe(work: Path, driver: SoftwareVulkan) -> None:
    """Write the manifest of lavapipe; remove the other drivers and all documentation.

    Raises:
        RuntimeUnavailableError: the package has no lavapipe.
    """
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
    """Set the library path in the manifest in `work` to the driver's final path."""
    path = work / driver.manifest
    manifest = json.loads(path.read_text(encoding="utf-8"))
    name = Path(manifest["ICD"]["library_path"]).name
    (library,) = (work / "root").rglob(name)
    manifest["ICD"]["library_path"] = str(driver.folder / library.relative_to(work))
    path.write_text(json.dumps(manifest), encoding="utf-8")


def try_driver(driver: SoftwareVulkan) -> None:
    """Run a file of one operator in LiteRT's GPU kernels on a driver, in a separate process.

    Raises:
        RuntimeUnavailableError: it failed, or its result was wrong.
    """
    words = [f"{name}={value}" for name, value in driver.environment.items()]
    run_command(["env", *words, sys.executable, "-m", WORKER, "try"], SUBJECT)
