"""Which process of `make test` runs a file of tests."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

NODE_CASES = {
    "tests/export/coreml/test_coreml_node_cases.py",
    "tests/export/coreml/test_int8_node_cases.py",
    "tests/export/tflite/test_int8_node_cases.py",
    "tests/export/tflite/test_node_cases.py",
    "tests/graph/load/test_opset.py",
}
"""Files that load ONNX's node cases, which takes seconds, and prepare them alike: one process
runs them all."""


class NodeCasesTogether(LoadFileScheduling):  # type: ignore[misc]
    """Keeps the tests of a file in one process, and the files of node cases in one of them."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "node cases" if file in NODE_CASES else file
