"""Warnings of other packages are ignored where they would only puzzle; ours never are."""

from __future__ import annotations

import types
import warnings

import pytest

from edge_imgq.library_warnings import without_library_warnings

WARN = "import warnings\ndef warn():\n    warnings.warn('old', DeprecationWarning, stacklevel=1)\n"


def warn_from(module: str) -> None:
    """Warn as code of a module of this name does."""
    code = types.ModuleType(module)
    exec(WARN, vars(code))
    code.warn()


@pytest.mark.parametrize("module", ["torch.nn.modules.conv", "edge_imgq_plugin", "__main__"])
def test_warnings_of_other_packages_are_ignored_while_the_body_runs(module: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with without_library_warnings():
            warn_from(module)
            assert seen == []
            warn_from("edge_imgq.graph.load")
        assert len(seen) == 1
        warn_from(module)
    assert len(seen) == 2


def test_warnings_of_ours_are_errors_where_the_filters_in_force_say_so() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with without_library_warnings(), pytest.raises(DeprecationWarning, match="old"):
            warn_from("edge_imgq.quantize.scales.scales")
