"""Worker process that runs a QDQ model on Qualcomm's HTP through onnxruntime-qnn.

Requests: {"do": "open", "soc_model", "arch"} with the bytes of the model, the numbers being those
of the chip or absent; {"do": "run"} with the input array; {"do": "time", "runs", "warm_up"} with
the input array. See `edge_imgq.devices.hexagon.device`.
"""

from __future__ import annotations

import re
import time
from typing import Any

import onnxruntime
import onnxruntime_qnn

from edge_imgq.runtime.worker_loop import serve

PROVIDER = "QNNExecutionProvider"
FATAL = 4
"""Log level at which refused models are reported to the caller only, not logged."""

BETWEEN = frozenset({"QuantizeLinear", "DequantizeLinear", "Transpose"})
"""Operators between the computing ones, many of them inserted by ONNX Runtime."""


class Hexagon:
    """The only session of this process."""

    def __init__(self) -> None:
        onnxruntime.register_execution_provider_library(
            PROVIDER, onnxruntime_qnn.get_library_path()
        )
        units = [unit for unit in onnxruntime.get_ep_devices() if unit.ep_name == PROVIDER]
        # A real NPU is preferred; the emulator reports its device as a CPU.
        self._unit = min(units, key=lambda unit: _is_emulated(unit))
        self._session: Any = None

    def answer(self, message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:
        """Answer one request; the reply is a dictionary and an array, or None where there is none.

        `message["do"]` is one of:

        - "open": `array` holds the bytes of an ONNX file; "soc_model" and "arch" are QNN's numbers
          of the chip, or absent. Replies with "version", "emulated" and "refused", (operator, node
          name) pairs, and, if the file opened, "accepted", such pairs, and "partitions", the number
          of subgraphs.
        - "time": runs `array` "warm_up" times untimed, then "runs" times. Replies with "seconds", a
          list of one wall-clock time per run.
        - "run": replies with an empty dictionary and the first output, as the file stores it.

        Inputs are (1, C, H, W), of the file's input type and size; "open" must have succeeded
        before.

        Raises:
            Exception: whatever ONNX Runtime raises; `serve` turns it into the key "error".
        """
        if message["do"] == "open":
            chip = {"soc_model": message.get("soc_model"), "htp_arch": message.get("arch")}
            return self._open(array.tobytes(), {k: str(v) for k, v in chip.items() if v}), None
        if message["do"] == "time":
            return {"seconds": self._time(array, message["runs"], message["warm_up"])}, None
        return {}, self._run(array)

    def _open(self, model: bytes, chip: dict[str, str]) -> dict[str, Any]:
        identity = {
            "version": onnxruntime_qnn.__version__,
            "emulated": _is_emulated(self._unit),
        }
        try:
            self._session = self._new(model, chip, fallback=False)
        except Exception:  # ONNX Runtime has exception classes of its own
            open_session = self._new(model, chip, fallback=True)
            refused = _operators(open_session, elsewhere=True) or _nodes(open_session)
            return {**identity, "refused": refused}
        subgraphs = self._session.get_provider_graph_assignment_info()
        accepted = _operators(self._session, elsewhere=False)
        return {**identity, "refused": [], "accepted": accepted, "partitions": len(subgraphs)}

    def _new(self, model: bytes, chip: dict[str, str], fallback: bool) -> Any:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = FATAL
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if not fallback:
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        settings = {"backend_path": onnxruntime_qnn.get_qnn_htp_path(), **chip}
        options.add_provider_for_devices([self._unit], settings)
        return onnxruntime.InferenceSession(model, options)

    def _run(self, values: Any) -> Any:
        return self._session.run(None, {self._session.get_inputs()[0].name: values})[0]

    def _time(self, values: Any, runs: int, warm_up: int) -> list[float]:
        for _ in range(warm_up):
            self._run(values)
        seconds = []
        for _ in range(runs):
            start = time.perf_counter()
            self._run(values)
            seconds.append(time.perf_counter() - start)
        return seconds


def _is_emulated(unit: Any) -> bool:
    return bool(unit.device.type != onnxruntime.OrtHardwareDeviceType.NPU)


def _nodes(session: Any, elsewhere: bool = True) -> list[tuple[str, str]]:
    """Return operator type and name of the nodes that run off the HTP, or on it."""
    return [
        (node.op_type, re.sub(r"_token_\d+$", "", node.name))
        for subgraph in session.get_provider_graph_assignment_info()
        if (subgraph.ep_name != PROVIDER) == elsewhere
        for node in subgraph.get_nodes()
    ]


def _operators(session: Any, elsewhere: bool) -> list[tuple[str, str]]:
    return [node for node in _nodes(session, elsewhere) if node[0] not in BETWEEN]


if __name__ == "__main__":
    serve(Hexagon().answer)
