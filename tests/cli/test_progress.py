"""The bar of a long command, on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

LONG_WORK = """
import contextlib, io, threading
from edge_imgq.cli.progress import ProgressDisplay
from edge_imgq.pipeline.step import Step

over = threading.Event()

class Timer(threading.Timer):
    def run(self):
        over.wait()
        self.function()

threading.Timer = Timer
with ProgressDisplay() as watch:
    watch(Step("convert", 0, 2))
    with contextlib.redirect_stdout(io.StringIO()):
        print("the words of a library")
        over.set()
        watch._timer.join()
    watch(Step("measure", 1, 2))
print("the table")
"""


def test_what_is_printed_after_a_bar_arrives_although_it_appeared_amid_a_library() -> None:
    reading, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", LONG_WORK], stdout=subprocess.PIPE, stderr=terminal, check=True
    )
    os.close(terminal)
    shown = os.read(reading, 65536).decode()
    os.close(reading)
    assert done.stdout.decode() == "the table\n"
    assert "convert" in shown
