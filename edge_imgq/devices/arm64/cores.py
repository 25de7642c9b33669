"""Arm cores by name: how XNNPACK identifies a core, and how QEMU emulates it.

XNNPACK selects kernels by the processor's instructions, which QEMU's `-cpu` determines, and by the
part number of the core, which it reads from `/proc/cpuinfo`. Under QEMU that is the host's file, so
the core is unknown unless the emulated system has such a file of its own.

Part numbers: main ID registers in Arm's technical reference manuals. Cache sizes: those of the
named phone chip, since manufacturers choose them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.errors import UsageError
from edge_imgq.wording import no_such

ARM = 0x41
"""Implementer code of Arm's own cores."""

V8 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
V82 = f"{V8} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
V9 = f"{V82} i8mm bf16"
DOT, WIDEST = "cortex-a76", "max,sme=off"
"""QEMU processors with dot products (of four bytes each), and with int8 matrix products (i8mm).

The scalable matrix extension of Armv9.2 is off, since no core here has it.
"""

KB, MB = 2**10, 2**20


@dataclass(frozen=True)
class Cache:
    """A data cache.

    Attributes:
        bytes: size in bytes.
        ways: associativity.
    """

    bytes: int
    ways: int


@dataclass(frozen=True)
class Core:
    """A core as found in phones.

    Attributes:
        part: part number in the main ID register.
        emulated: QEMU processor with the same instructions, for `-cpu`.
        features: instruction set extensions, as Linux lists them.
        caches: data caches from the first level to the last, which may be shared by several cores.
        chip: phone chip with these caches.
        revision: variant and revision of the part.
    """

    part: int
    emulated: str
    features: str
    caches: tuple[Cache, ...]
    chip: str
    revision: tuple[int, int] = (1, 0)


def _caches(first: int, second: tuple[int, int], last: int = 0) -> tuple[Cache, ...]:
    """Return caches from sizes: `first` in KB, `second` as KB and ways, `last` in MB or 0."""
    shared = (Cache(last * MB, 16),) if last else ()
    return (Cache(first * KB, 4), Cache(second[0] * KB, second[1]), *shared)


CORES: Mapping[str, Core] = {
    "cortex-a53": Core(0xD03, "cortex-a53", V8, _caches(32, (512, 16)), "Snapdragon 625", (0, 4)),
    "cortex-a55": Core(0xD05, DOT, V82, _caches(32, (128, 4), 2), "Snapdragon 855"),
    "cortex-a72": Core(0xD08, "cortex-a72", V8, _caches(32, (1024, 16)), "Snapdragon 650", (0, 2)),
    "cortex-a73": Core(0xD09, "cortex-a72", V8, _caches(64, (2048, 16)), "Snapdragon 835", (0, 2)),
    "cortex-a76": Core(0xD0B, DOT, V82, _caches(64, (256, 8), 2), "Snapdragon 855", (4, 0)),
    "cortex-a78": Core(0xD41, DOT, V82, _caches(64, (512, 8), 4), "Snapdragon 888"),
    "cortex-x1": Core(0xD44, DOT, V82, _caches(64, (1024, 8), 4), "Snapdragon 888"),
    "cortex-a510": Core(0xD46, WIDEST, V9, _caches(32, (256, 8), 8), "Snapdragon 8 Gen 2"),
    "cortex-a710": Core(0xD47, WIDEST, V9, _caches(64, (512, 8), 8), "Snapdragon 8 Gen 2"),
    "cortex-x2": Core(0xD48, WIDEST, V9, _caches(64, (1024, 8), 6), "Snapdragon 8 Gen 1"),
    "cortex-x3": Core(0xD4E, WIDEST, V9, _caches(64, (1024, 8), 8), "Snapdragon 8 Gen 2"),
}
"""Cores by name."""

DEFAULT = "cortex-a76"

WITHOUT_TABLES = ("apple", "oryon")
"""Core makers for which XNNPACK has no kernels and no latency table is published."""


def core_named(name: str) -> Core:
    """Return the description of an Arm core by its name, a key of CORES such as "cortex-a76".

    Raises:
        UsageError: there is no such core, or it cannot be emulated.
    """
    if name in CORES:
        return CORES[name]
    if name.lower().startswith(WITHOUT_TABLES):
        raise UsageError(
            f"'{name}' cannot be emulated: no public table says how fast Apple's and Oryon's "
            f"cores are. There are {', '.join(CORES)}."
        )
    raise UsageError(no_such("Arm core", name, CORES))


def write_system(name: str, root: Path, folder: Path) -> None:
    """Write the root folder of an emulated system with one processor, for QEMU's `-L`.

    Beside links to the programs it holds what a runtime reads about the processor (/proc/cpuinfo
    and /sys), so nothing depends on the host's.

    Args:
        name: name of the core, a key of CORES.
        root: root folder of the system with the programs; its entries are linked.
        folder: root folder to create.

    Raises:
        KeyError: CORES has no such core.
        FileExistsError: `folder` exists.
        OSError: a file or link cannot be created.
    """
    core = CORES[name]
    folder.mkdir()
    for entry in root.iterdir():
        (folder / entry.name).symlink_to(entry)
    (folder / "proc").mkdir()
    (folder / "proc" / "cpuinfo").write_text(_cpuinfo(core))
    for path, text in _processor_files(core).items():
        file = folder / "sys" / "devices" / "system" / "cpu" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")


def _cpuinfo(core: Core) -> str:
    variant, revision = core.revision
    return (
        f"processor\t: 0\nBogoMIPS\t: 38.40\nFeatures\t: {core.features}\n"
        f"CPU implementer\t: {ARM:#x}\nCPU architecture: 8\nCPU variant\t: {variant:#x}\n"
        f"CPU part\t: {core.part:#x}\nCPU revision\t: {revision}\n\n"
    )


def _processor_files(core: Core) -> dict[str, str]:
    """Return the contents of files by path below /sys/devices/system/cpu."""
    files = dict.fromkeys(("possible", "present", "online", "kernel_max"), "0")
    topology = ("cluster_cpus_list", "core_siblings_list", "physical_package_id", "core_id")
    files |= {f"cpu0/topology/{name}": "0" for name in topology}
    files |= {f"cpu0/cpufreq/cpuinfo_{end}_freq": "2000000" for end in ("min", "max")}
    for index, cache in enumerate(core.caches, 1):
        index_folder = f"cpu0/cache/index{index}"
        files |= {
            f"{index_folder}/level": str(index),
            f"{index_folder}/type": "Data" if index == 1 else "Unified",
            f"{index_folder}/size": f"{cache.bytes // KB}K",
            f"{index_folder}/shared_cpu_list": "0",
        }
    return files
