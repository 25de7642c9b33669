"""Arm cores by name: what XNNPACK knows a core by, and how QEMU runs its instructions.

XNNPACK takes kernels by two things: the instructions that the processor has, which `-cpu` of QEMU
decides, and the core's own number, which it reads from `/proc/cpuinfo`. Under QEMU that is the
host's file, and the core an unknown one, unless the emulated system has a file of its own.

Numbers of cores: the main identity registers in Arm's technical reference manuals. Sizes of caches:
those of the phone chip that is named; makers choose them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_imgq.errors import UsageError
from edge_imgq.wording import no_such

ARM = 0x41
"""The implementer's number of Arm's own cores."""

V8 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
V82 = f"{V8} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
V9 = f"{V82} i8mm bf16"
DOT, WIDEST = "cortex-a76", "max,sme=off"
"""What QEMU emulates with products of four bytes, and with products of matrices of bytes. Matrix
units of Armv9.2 are off, as no core here has them."""

KB, MB = 2**10, 2**20


@dataclass(frozen=True)
class Cache:
    """A data cache.

    Attributes:
        bytes: its size.
        ways: its associativity.
    """

    bytes: int
    ways: int


@dataclass(frozen=True)
class Core:
    """A core of a phone.

    Attributes:
        part: its number.
        emulated: QEMU's processor that has its instructions, as `-cpu` takes it.
        features: its instructions, as Linux lists them.
        caches: first level, second, and the last that the cores share, where there is one.
        chip: a phone chip with these caches.
        revision: variant and revision of the part.
    """

    part: int
    emulated: str
    features: str
    caches: tuple[Cache, ...]
    chip: str
    revision: tuple[int, int] = (1, 0)


def _caches(first: int, second: tuple[int, int], last: int = 0) -> tuple[Cache, ...]:
    """Return caches from sizes in KB; the second's with its ways, the last of MB."""
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
"""Name → core."""

DEFAULT = "cortex-a76"

WITHOUT_TABLES = ("apple", "oryon")
"""Makers whose cores XNNPACK has no kernels for, and no public table has latencies of."""


def core_named(name: str) -> Core:
    """Return a core by its name.

    Raises:
        UsageError: there is none.
    """
    if name in CORES:
        return CORES[name]
    if name.lower().startswith(WITHOUT_TABLES):
        raise UsageError(
            f"'{name}' cannot be emulated: nothing public says what the cores of Apple and Oryon "
            f"take. There are {', '.join(CORES)}."
        )
    raise UsageError(no_such("Arm core", name, CORES))


def write_system(name: str, root: Path, folder: Path) -> None:
    """Write the root of a system with one processor, for QEMU's `-L`.

    What a runtime reads of a processor is all there, so that nothing depends on the host's.

    Args:
        name: of the core.
        root: of the system that has the programs; its folders are linked.
        folder: becomes it.
    """
    core = CORES[name]
    folder.mkdir()
    for part in root.iterdir():
        (folder / part.name).symlink_to(part)
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
    """Return the files below /sys/devices/system/cpu with what they hold."""
    files = dict.fromkeys(("possible", "present", "online", "kernel_max"), "0")
    topology = ("cluster_cpus_list", "core_siblings_list", "physical_package_id", "core_id")
    files |= {f"cpu0/topology/{name}": "0" for name in topology}
    files |= {f"cpu0/cpufreq/cpuinfo_{end}_freq": "2000000" for end in ("min", "max")}
    for index, cache in enumerate(core.caches, 1):
        place = f"cpu0/cache/index{index}"
        files |= {
            f"{place}/level": str(index),
            f"{place}/type": "Data" if index == 1 else "Unified",
            f"{place}/size": f"{cache.bytes // KB}K",
            f"{place}/shared_cpu_list": "0",
        }
    return files
