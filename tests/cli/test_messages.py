"""Sentences on standard error: folded for a terminal, whole for everything else."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

WORDS = [sys.executable, "-m", "edge_imgq", "export", "--no-such-option-at-all-anywhere"]


def test_a_sentence_is_folded_at_the_width_of_a_terminal_between_words() -> None:
    reading, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    done = subprocess.run(WORDS, stderr=terminal, check=False)
    os.close(terminal)
    shown = os.read(reading, 65536).decode().splitlines()
    os.close(reading)
    assert done.returncode == 2
    assert len(shown) > 1
    assert max(map(len, shown)) <= 40
    piped = subprocess.run(WORDS, stderr=subprocess.PIPE, check=False, text=True).stderr
    assert piped.count("\n") == 1
    assert " ".join(line.strip() for line in shown) == piped.strip()
