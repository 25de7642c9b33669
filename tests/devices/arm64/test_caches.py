"""The plugin's model of caches counts what a plain one in Python counts."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge_imgq.devices import instructions

COMPILER = shutil.which("cc")
PLUGIN = Path(instructions.__file__).parent / "plugin"
HARNESS = """\
#include "plugin.h"
extern int printf(const char *, ...);
extern int scanf(const char *, ...);
u32 qemu_plugin_mem_size_shift(u32 how) { return how >> 1; }
_Bool qemu_plugin_mem_is_store(u32 how) { return how & 1; }
int main(void)
{
    u64 address;
    u32 how;
    add_cache(1024, 2);
    add_cache(4096, 4);
    begin_traffic();
    while (scanf("%lu %u", &address, &how) == 2)
        accessed(0, how, address, 0);
    printf("%lu %lu %lu %lu %lu %lu %lu\\n", traffic.loaded, traffic.stored, traffic.lines,
           traffic.misses[0], traffic.misses[1], traffic.fetched, traffic.written);
}
"""
ACCESSES = 20_000


class PlainCache:
    """Sets of lines, each an ordered dict from the line to whether it was changed."""

    def __init__(self, size: int, ways: int, below: PlainCache | None) -> None:
        self.sets = [OrderedDict[int, bool]() for _ in range(size // 64 // ways)]
        self.ways, self.below, self.misses, self.fetched, self.written = ways, below, 0, 0, 0

    def reach(self, line: int, changed: bool, demanded: bool = True) -> None:
        """Read or write a line, which comes from below where it is demanded."""
        lines = self.sets[line % len(self.sets)]
        was = lines.pop(line, None)
        if was is None and demanded:
            self.misses += 1
        if was is None and len(lines) == self.ways:
            old, old_changed = lines.popitem(last=False)
            if old_changed and self.below:
                self.below.reach(old, True, demanded=False)
            self.written += old_changed
        if was is None and demanded:
            self.fetched += 1
            if self.below:
                self.below.reach(line, False)
        lines[line] = changed or bool(was)


def accesses() -> Sequence[tuple[int, int]]:
    """Return addresses with how they are accessed: a size as a power of two, and the store bit."""
    chance = random.Random(1)
    found = []
    for _ in range(ACCESSES):
        size = chance.randrange(5)
        near = chance.randrange(2048) if chance.random() < 0.7 else chance.randrange(65536)
        found.append((near & ~((1 << min(size, 3)) - 1), size << 1 | (chance.random() < 0.3)))
    return found


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler to build the plugin with")
def test_the_plugin_counts_what_a_plain_model_counts(tmp_path: Path) -> None:
    (tmp_path / "harness.c").write_text(HARNESS)
    sources = [str(tmp_path / "harness.c"), str(PLUGIN / "caches.c")]
    words = [str(COMPILER), "-w", f"-I{PLUGIN}", "-o", str(tmp_path / "model"), *sources]
    subprocess.run(words, check=True)
    given = accesses()
    text = "".join(f"{address} {how}\n" for address, how in given)
    done = subprocess.run([tmp_path / "model"], input=text, capture_output=True, text=True)
    second = PlainCache(4096, 4, None)
    first = PlainCache(1024, 2, second)
    moved, touched = [0, 0], set()
    for address, how in given:
        size = 1 << (how >> 1)
        moved[how & 1] += size
        for line in range(address // 64, (address + size - 1) // 64 + 1):
            touched.add(line)
            first.reach(line, bool(how & 1))
    expected = [*moved, len(touched), first.misses, second.misses, second.fetched, second.written]
    assert list(map(int, done.stdout.split())) == expected
    assert second.misses < first.misses < ACCESSES
