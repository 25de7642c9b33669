"""A stand-in for the worker that runs Qualcomm's emulator: LiteRT, off by a level in places."""

from __future__ import annotations

from typing import Any

import onnx
from ai_edge_litert.interpreter import Interpreter

from edge_imgq.runtime.worker_loop import serve


class Emulator:
    """Runs the plain file that the stand-in for the compiler took for bytecode."""

    def answer(self, message: dict[str, Any], array: Any) -> tuple[dict[str, Any], Any]:
        """Answer one question of `edge_imgq.devices.hexagon.emulated_npu`."""
        if message["do"] == "open":
            (node,) = onnx.load_from_string(array.tobytes()).graph.node
            held = {attribute.name: attribute for attribute in node.attribute}
            self._interpreter = Interpreter(model_content=held["ep_cache_context"].s)
            self._interpreter.allocate_tensors()
            return {"refused": [], "version": "0.0.0"}, None
        self._interpreter.set_tensor(self._interpreter.get_input_details()[0]["index"], array)
        self._interpreter.invoke()
        output = self._interpreter.get_output_details()[0]["index"]
        image = self._interpreter.get_tensor(output)
        image.reshape(-1)[::5] ^= 1
        return {}, image


if __name__ == "__main__":
    serve(Emulator().answer)
