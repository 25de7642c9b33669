"""Signatures of a .tflite file with several: one per image size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Size = tuple[int, int]


class Signature:
    """One signature of an open .tflite file.

    Attributes:
        size: (height, width) of its image in pixels.
    """

    def __init__(self, interpreter: Any, name: str, others: Sequence[str]) -> None:
        self._runner = interpreter.get_signature_runner(name)
        details = self._runner.get_input_details()
        # The file's own order, in which the image is the first: the runner's is alphabetic.
        self._names = sorted(details, key=lambda name: details[name]["index"])
        (first,) = set(self._runner.get_output_details()) - set(others)
        self._results = [first, *others]
        shape = details[self._names[0]]["shape"]
        self.size: Size = (int(shape[1]), int(shape[2]))

    def run(self, values: Sequence[Any]) -> list[Any]:
        """Run the signature and return its outputs, the image first, then `others` in order.

        Args:
            values: its inputs in the file's order, the image first: (1, H, W, C) of the signature's
                size, which is not checked, uint8 or float32 as the file has them.

        Returns:
            (1, H, W, C) each, in the file's types.

        Raises:
            ValueError: LiteRT refuses an input's type, or there are too few or too many inputs.
        """
        outputs = self._runner(**dict(zip(self._names, values, strict=True)))
        return [outputs[name] for name in self._results]

    def prepared(self, values: Sequence[Any]) -> Callable[[], None]:
        """Return a callable that runs the signature on preloaded inputs, for timing.

        `values` are as for `run`, which is called once before. The callable copies neither inputs
        nor outputs.
        """
        self.run(values)
        # The runner's own call copies input and output, which is not to be timed.
        wrapper, index = self._runner._interpreter_wrapper, self._runner._subgraph_index
        return lambda: wrapper.Invoke(index)


def signatures(interpreter: Any, others: Sequence[str] = ()) -> dict[Size, Signature]:
    """Map input sizes (height, width) in pixels to the signatures of a .tflite file, one per size.

    Empty if the file has only one signature.

    Args:
        interpreter: LiteRT's interpreter of the file.
        others: names of the outputs other than the image, in order. Without them, each signature
            must have exactly one output.

    Raises:
        ValueError: a signature has more outputs than the image and `others`, or fewer.
    """
    names = list(interpreter.get_signature_list())
    opened = [Signature(interpreter, name, others) for name in names] if len(names) > 1 else []
    return {signature.size: signature for signature in opened}
