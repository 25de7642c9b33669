"""Ctrl-C sets a flag first and stops the second time; the handler from before comes back."""

from __future__ import annotations

import signal
import threading

import pytest

from edge_imgq.train.interrupt import deferred_interrupt


def test_the_first_interrupt_is_a_flag_and_the_second_an_interrupt() -> None:
    before = signal.getsignal(signal.SIGINT)
    with deferred_interrupt() as asked:
        assert not asked.is_set()
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_has_no_handler_and_changes_none() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def run() -> None:
        with deferred_interrupt() as asked:
            seen.append((signal.getsignal(signal.SIGINT) is before, asked.is_set()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(True, False)]
