"""Fetches an Arm Python with LiteRT, and an emulator for it, into the user's cache.

Python and its libraries are Debian packages for arm64, fetched by apt, which verifies the archive's
signature. Wheels are fetched by pip and checked against their SHA-256. Nothing is installed:
everything is unpacked into one folder, and apt's own state stays unchanged.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from edge_imgq.artifact import staging
from edge_imgq.devices.apt import Apt, no_apt, run_command
from edge_imgq.devices.arm64.emulator import Emulator, fetch_emulator
from edge_imgq.devices.instructions import SOURCES
from edge_imgq.errors import RuntimeUnavailableError

LITERT = "2.3.0"

WHEELS: dict[str, dict[str, str]] = {
    "3.11": {
        f"ai-edge-litert=={LITERT}": "853fc608f96da87bd5f3458465dfb9abbf18d5ae6b94eceacead407146f175ae",
        "numpy==2.4.6": "0ab0a9c4ffb1a6d95ef519fe4247dba8eb6b18ad93999f76b7f657039acabd47",
        "flatbuffers==25.12.19": "7634f50c427838bb021c2d66a3d1168e9d199b0607e6329399f04846d42e20b4",
    },
    "3.12": {
        f"ai-edge-litert=={LITERT}": "9891611b23a87cc2ace60e4b5ee9a2ee6f0fb7f395f009470961ae6e6310e1b8",
        "numpy==2.4.6": "5f9fb9157b4ce2971008323afe46053787b526ef624fea915b261468a8421a0f",
        "flatbuffers==25.12.19": "7634f50c427838bb021c2d66a3d1168e9d199b0607e6329399f04846d42e20b4",
    },
}
"""Wheels for aarch64 with their SHA-256, by version of Python."""

PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
RECORD = "arm64.json"
SUBJECT = "The Arm emulation"


@dataclass(frozen=True)
class Emulation:
    """An emulation that was set up.

    Attributes:
        folder: folder with everything.
        emulator: emulator that runs it.
        python: version of the Arm Python, such as "3.11".
    """

    folder: Path
    emulator: Emulator
    python: str

    @property
    def root(self) -> Path:
        """Root folder of the system with the Arm Python."""
        return self.folder / "root"

    @property
    def site(self) -> Path:
        """Site-packages folder of the Arm Python."""
        return self.folder / "site"

    def command(
        self, module: str, package: Path, processor: str, scratch: Path | None = None
    ) -> list[str]:
        """Return the command line that runs a module in the Arm Python under emulation.

        Nothing is run.

        Args:
            module: dotted name of the module, of this package or of one installed there.
            package: folder that contains `edge_imgq`.
            processor: value of QEMU's `-cpu`.
            scratch: folder with the emulated root in `system`, to which the plugin writes its
                counts (`log`) and records; None for the plain root and no counting.
        """
        root = self.root
        variables = {
            "PYTHONHOME": str(root / "usr"),
            "PYTHONPATH": f"{self.site}:{package}",
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONHASHSEED": "0",  # repeatable counts
        }
        counting: tuple[str, ...] = ()
        if scratch and self.emulator.plugin:
            plugin, folder = (
                str(path).replace(",", ",,") for path in (self.emulator.plugin, scratch)
            )
            log = str(scratch / "log")
            counting = ("-plugin", f"{plugin},folder={folder}", "-d", "plugin", "-D", log)
        system = scratch / "system" if scratch else root
        return [
            *(*self.emulator.command, *counting),
            *("-cpu", processor, "-L", str(system)),
            *(word for name, value in variables.items() for word in ("-E", f"{name}={value}")),
            *(str(root / "usr" / "bin" / f"python{self.python}"), "-m", module),
        ]


def cache_folder() -> Path:
    """Return the path where the emulation is set up, ~/.cache/edge-imgq/arm64.

    Nothing is created or looked for there; `read_emulation` does that.
    """
    return Path.home() / ".cache" / "edge-imgq" / "arm64"


def read_emulation(folder: Path) -> Emulation | None:
    """Return the emulation that `set_up` left in a folder; None if there is none that can be used.

    It cannot be used if it has another version of LiteRT or other plugin sources than this version
    of edge-imgq, or if its emulator is no longer installed.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        emulator = Emulator(tuple(record["emulator"]), record["plugin"])
        emulation = Emulation(folder, emulator, record["python"])
        current = (record["litert"], record["sources"]) == (LITERT, sources_digest())
    except (OSError, ValueError, KeyError):
        return None
    return emulation if current and shutil.which(emulator.command[0]) else None


def sources_digest() -> str:
    """Return the SHA-256, in hexadecimal, of the C sources and headers of the emulator's plugin."""
    files = sorted(SOURCES[0].parent.glob("*.[ch]"))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def cannot_be_set_up() -> str:
    """Return why this machine cannot set up the emulation of an Arm processor; "" if it can.

    The reason is a clause without full stop. Only the system and the presence of apt's programs
    are checked; nothing is fetched.
    """
    return no_apt("user-mode emulation of Arm", "set up on Debian 12 or Ubuntu 24.04")


def set_up(folder: Path, watch: Callable[[str], None]) -> Emulation:
    """Download and unpack an Arm Python with LiteRT and an emulator for it, and run it once.

    About 450 MB, by apt and pip; nothing is installed in the system.

    Args:
        folder: destination, replaced; unchanged if downloading or unpacking fails.
        watch: called with a description of every step.

    Raises:
        RuntimeUnavailableError: something could not be fetched, or does not run.
        OutputError: storage is full.
    """
    if reason := cannot_be_set_up():
        raise RuntimeUnavailableError(f"The Arm emulation cannot be set up: {reason}.")
    with staging(folder.parent) as stage:
        work = stage / folder.name
        watch("look up the packages of the distribution")
        apt = Apt(work / "apt", "arm64", SUBJECT)
        apt.update()
        python = _python(apt)
        watch(f"fetch Python {python} for arm64")
        _fetch_python(apt, python, work)
        watch(f"fetch LiteRT {LITERT} for arm64")
        _fetch_wheels(python, work)
        watch("fetch the emulator")
        emulator = fetch_emulator(Apt(work / "host", "", SUBJECT), work, folder)
        shutil.rmtree(work / "apt")
        shutil.rmtree(work / "host")
        record = {**dataclasses.asdict(emulator), "python": python, "litert": LITERT}
        record["sources"] = sources_digest()
        record["emulator"] = record.pop("command")
        (work / RECORD).write_text(json.dumps(record), encoding="utf-8")
    emulation = Emulation(folder, emulator, python)
    watch("run it once")
    command = emulation.command("ai_edge_litert.interpreter", folder, "max")
    run_command(command, SUBJECT)
    return emulation


def _python(apt: Apt) -> str:
    """Return the first version of Python that has wheels and is in the distribution.

    Raises:
        RuntimeUnavailableError: there is none.
    """
    for version in WHEELS:
        simulated = apt.command("-qq", "--simulate", "install", f"python{version}-minimal")
        if subprocess.run(simulated, capture_output=True, check=False).returncode == 0:
            return version
    raise RuntimeUnavailableError(
        f"This distribution has no Python {' or '.join(WHEELS)} for arm64, which LiteRT {LITERT} "
        "needs. Set up on Debian 12 or Ubuntu 24.04."
    )


def _fetch_python(apt: Apt, version: str, work: Path) -> None:
    apt.fetch(f"python{version}-minimal", f"libpython{version}-stdlib", "libstdc++6")
    apt.unpack(work / "root")


def _fetch_wheels(version: str, work: Path) -> None:
    wheels = work / "apt" / "wheels"
    wheels.mkdir()
    wanted = wheels / "requirements.txt"
    lines = [f"{name} --hash=sha256:{digest}\n" for name, digest in WHEELS[version].items()]
    wanted.write_text("".join(lines), encoding="utf-8")
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    tags = ("--implementation", "cp", "--python-version", version)
    run_command(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", *platforms, *tags, "--dest", str(wheels), "-r", str(wanted)),
        ],
        SUBJECT,
    )
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(work / "site")
