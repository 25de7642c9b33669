"""A .tflite file on another machine, run there by LiteRT's `benchmark_model`.

Each image is copied to the machine as raw tensor bytes; the program runs the file on it once and
writes the output tensor, which is copied back. So the pixels are those of the device.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_imgq.artifact import sha256_of
from edge_imgq.devices.instructions import Uncounted
from edge_imgq.devices.latency import Latency
from edge_imgq.devices.protocol import RUNS, WARM_UP
from edge_imgq.devices.remote.benchmark_model import (
    ON_PROCESSOR,
    PROGRAM,
    delegate_flags,
    input_flags,
    is_delegate,
    read_node_types,
    read_peak_memory,
    read_timings,
)
from edge_imgq.devices.remote.machine import State, must_run_there, run_there
from edge_imgq.devices.warmup_call import on_gray
from edge_imgq.errors import DeviceError
from edge_imgq.images.layout import from_nhwc, to_nhwc
from edge_imgq.runtime.open import open_session
from edge_imgq.runtime.protocol import Placement, RuntimeIdentity
from edge_imgq.runtime.tflite_file import computes_in_integers
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

    from edge_imgq.devices.options import DeviceOptions
    from edge_imgq.devices.remote.machine import Remote

Conditions = Callable[[], State]
"""Reads the condition of a machine."""

NO_LOOP = Skipped(f"{PROGRAM} runs no fixed loop beside")
NO_PERCENTILE = Skipped(f"{PROGRAM} prints the ninety-fifth percentile instead")


class RemoteSession(Uncounted):
    """One file on another machine; implements `edge_imgq.devices.protocol.DeviceSession`."""

    def __init__(
        self,
        remote: Remote,
        machine: str,
        conditions: Conditions,
        path: Path,
        threads: int,
        options: DeviceOptions,
    ) -> None:
        """Copy the file and the program to the machine.

        Args:
            remote: connection to the machine.
            machine: description for reports.
            conditions: reads the condition of the machine.
            path: a .tflite file that edge-imgq wrote.
            threads: CPU threads.
            options: program and delegate.

        Raises:
            ModelError: the file is damaged.
            DeviceError: the connection was lost, or storage is full.
        """
        assert options.benchmark_model is not None
        here = open_session(path)
        self.note, self.size, self.resizable = here.note, here.size, here.resizable
        self.sizes = (here.size,) if here.size else ()
        on_processor = options.delegate in ON_PROCESSOR
        self.is_bit_exact = on_processor and computes_in_integers(path)
        self._float = _is_float(path)
        self._operators = _operator_count(path)
        self._profiles: dict[tuple[int, int], str] = {}
        self._remote, self._machine, self._conditions = remote, machine, conditions
        self._flags = (f"--num_threads={threads}", *delegate_flags(options.delegate))
        self._folder = f"{remote.folder}/edge-imgq-{os.getpid()}-{id(self):x}"
        digest = sha256_of(options.benchmark_model)
        self.identity = RuntimeIdentity(PROGRAM, f"sha256:{digest[:12]}", options.delegate, threads)
        try:
            self._install(path, options.benchmark_model)
        except BaseException:
            self.close()
            raise

    def run(self, pixels: NDArray[uint8]) -> NDArray[uint8]:
        """Run the file on the machine; return its output, uint8 (H × scale, W × scale, C).

        Float outputs are rounded half to even and clipped.

        Args:
            pixels: uint8 (H, W, C); they are copied to the machine.

        Raises:
            DeviceError: the connection was lost, the program failed, or the output has another
                size.
            NonFiniteOutputError: the output contains NaN or infinity.
        """
        contract = self.note.contract
        values = to_nhwc(pixels, contract.peak) if self._float else pixels[np.newaxis]
        sides = contract.result_size((pixels.shape[0], pixels.shape[1]))
        with tempfile.TemporaryDirectory() as scratch:
            tensor, result = Path(scratch, "in.bin"), Path(scratch, "out.bin")
            tensor.write_bytes(np.ascontiguousarray(values).tobytes())
            self._remote.push(tensor, f"{self._folder}/in.bin")
            once = ("--num_runs=1", "--warmup_runs=0", "--min_secs=0", "--warmup_min_secs=0")
            source = input_flags(values.shape, f"{self._folder}/in.bin")
            self._benchmark([*once, *source, f"--output_filepath={self._folder}/out.bin"])
            wrote = f"{PROGRAM} writing its output (too old for --output_filepath?)"
            must_run_there(self._remote, ["test", "-f", f"{self._folder}/out.bin"], wrote)
            self._remote.pull(f"{self._folder}/out.bin", result)
            data: NDArray[Any] = np.frombuffer(result.read_bytes(), values.dtype)
        shape = (1, *sides, contract.result_channels)
        if data.size != np.prod(shape):
            raise DeviceError(
                f"{self._remote.name} returned {data.size} values instead of {np.prod(shape)}."
            )
        if self._float:
            return from_nhwc(data.reshape(shape), contract.peak)
        image: NDArray[uint8] = data.reshape(shape)[0]
        return image

    def prepare(self, size: tuple[int, int]) -> Callable[[], None]:
        """Return a function that runs the file once on a gray image of (height, width) pixels.

        It raises what `run` raises. It copies the image to the machine and the result back, so it
        is not for timing.
        """
        return on_gray(self, size)

    def latency(
        self, size: tuple[int, int], runs: int = RUNS, warm_up: int = WARM_UP
    ) -> Latency | Skipped:
        """Time calls of the file with the program's own clock, in ms, without copies.

        Args:
            size: height and width of the input in pixels.
            runs: number of timed calls.
            warm_up: untimed calls before.

        Returns:
            The latency, or why there is none: old programs print no median.

        Raises:
            DeviceError: the connection was lost, or no times were printed.
        """
        before = self._conditions()
        counts = (f"--num_runs={runs}", f"--warmup_runs={warm_up}", "--min_secs=0")
        timings = read_timings(self._benchmark([*counts, *self._input(size)]))
        after = self._conditions()
        if timings is None:
            raise DeviceError(f"{PROGRAM} printed no times on {self._remote.name}.")
        if timings.median is None or timings.p95 is None:
            return Skipped(
                f"this {PROGRAM} prints no median, only an average of {timings.average:.2f} ms; "
                "take a newer one"
            )
        same = after.description == before.description
        return Latency(
            min_ms=_printed(timings.fastest),
            median_ms=timings.median,
            p90_ms=NO_PERCENTILE,
            p95_ms=timings.p95,
            noise=Skipped("it was timed in one round"),
            init_ms=_printed(timings.init),
            memory_mb=_printed(read_peak_memory(self._profile(size))),
            runs=timings.runs,
            left_out=0,
            warm_up=timings.warm_up,
            loop_ms=NO_LOOP,
            threads=self.identity.threads,
            size=size,
            device=self._machine,
            runtime=str(self.identity),
            delegate=self.identity.delegate,
            thermal=after.thermal,
            conditions=after.description
            if same
            else f"{before.description}; after: {after.description}",
            disturbed=before.disturbed or after.disturbed,
        )

    def placement(self) -> Placement | Skipped:
        """Return how many operators the delegate runs, and which it does not.

        From a profile that the program prints of a few calls; a `Skipped` if it prints none.

        Raises:
            DeviceError: the connection was lost, or the program failed.
        """
        assert self.size is not None
        nodes = read_node_types(self._profile(self.size))
        if nodes is None:
            return Skipped(f"this {PROGRAM} printed no profile of its operators")
        fallback = tuple(node for node in nodes if not is_delegate(node))
        taken = self._operators - len(fallback)
        return Placement(
            self.identity.delegate, self._operators, taken, len(nodes) - len(fallback), fallback
        )

    def close(self) -> None:
        """Remove the copied files, if the machine can still be reached."""
        with suppress(DeviceError):
            run_there(self._remote, ["rm", "-rf", self._folder], patience=20)

    def _install(self, path: Path, program: Path) -> None:
        must_run_there(self._remote, ["mkdir", "-p", self._folder], "mkdir")
        self._remote.push(program, f"{self._folder}/{PROGRAM}")
        self._remote.push(path, f"{self._folder}/file.tflite")
        must_run_there(self._remote, ["chmod", "755", f"{self._folder}/{PROGRAM}"], "chmod")

    def _benchmark(self, flags: Sequence[str]) -> str:
        program, graph = f"{self._folder}/{PROGRAM}", f"--graph={self._folder}/file.tflite"
        return must_run_there(self._remote, [program, graph, *self._flags, *flags], PROGRAM)

    def _profile(self, size: tuple[int, int]) -> str:
        """Return the output of a profiling run, made once per size; profiling changes times."""
        if size not in self._profiles:
            few = ("--num_runs=3", "--warmup_runs=1", "--min_secs=0", "--warmup_min_secs=0")
            profiles = ("--enable_op_profiling=true", "--report_peak_memory_footprint=true")
            self._profiles[size] = self._benchmark([*few, *profiles, *self._input(size)])
        return self._profiles[size]

    def _input(self, size: tuple[int, int]) -> tuple[str, ...]:
        return input_flags((1, *size, self.note.contract.channels))


def _printed(value: float | None) -> float | Skipped:
    return Skipped("not printed") if value is None else value


def _is_float(path: Path) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    graph = _graph(path)
    return bool(graph.tensors[graph.inputs[0]].type == schema.TensorType.FLOAT32)


def _operator_count(path: Path) -> int:
    return len(_graph(path).operators)


def _graph(path: Path) -> Any:
    from edge_imgq.runtime.tflite_file import read_model

    return read_model(path).subgraphs[0]
