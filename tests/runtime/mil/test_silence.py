"""coremltools greets every import with warnings, and every conversion with progress bars."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings

import pytest

from edge_imgq.runtime.mil.silence import coremltools, mil_builder, silenced


def test_the_first_import_of_coremltools_says_nothing() -> None:
    command = (
        "import sys; from edge_imgq.runtime.mil.silence import mil_builder; mil_builder().const\n"
        "assert not {'coremltools.optimize.torch', 'torch._dynamo'} & set(sys.modules)\n"
        "from coremltools.optimize.torch.quantization import LinearQuantizer  # whole, if asked for"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_what_was_set_before_is_set_again_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("coremltools")
    monkeypatch.setattr(logger, "level", 17)
    before = (logger.level, sys.stderr, sys.stdout, list(warnings.filters))
    try:
        with silenced():
            raise ValueError
    except ValueError:
        pass
    assert (logger.level, sys.stderr, sys.stdout, list(warnings.filters)) == before


def test_warnings_do_not_reach_an_application_s_own_log(caplog: pytest.LogCaptureFixture) -> None:
    with silenced():
        logging.getLogger("coremltools").warning("not tested with this version of torch")
    assert caplog.records == []


def test_coremltools_is_imported_once() -> None:
    assert coremltools() is coremltools() is sys.modules["coremltools"]
    assert mil_builder().const
