"""The signatures of a .tflite file that has several: one per image size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Size = tuple[int, int]


class Signature:
    """One signature of an open file."""

    def __init__(self, interpreter: Any, name: str) -> None:
        self._runner = interpreter.get_signature_runner(name)
        ((self._name, detail),) = self._runner.get_input_details().items()
        self.size: Size = (int(detail["shape"][1]), int(detail["shape"][2]))

    def run(self, values: Any) -> Any:
        """Return the output for an input, both as they are stored."""
        (output,) = self._runner(**{self._name: values}).values()
        return output

    def prepared(self, values: Any) -> Callable[[], None]:
        """Return a call that computes the signature on an input already in place."""
        self.run(values)
        # The runner's own call copies input and output, which is not to be timed.
        wrapper, index = self._runner._interpreter_wrapper, self._runner._subgraph_index
        return lambda: wrapper.Invoke(index)


def signatures(interpreter: Any) -> dict[Size, Signature]:
    """Return the signatures of a file by the size of their image; none where there is only one."""
    names = list(interpreter.get_signature_list())
    found = [Signature(interpreter, name) for name in names] if len(names) > 1 else []
    return {signature.size: signature for signature in found}
