"""A stand-in for LiteRT's `benchmark_model`: its flags, its lines, and LiteRT's own arithmetic.

The lines are those of LiteRT's sources; the program itself runs on Android and on Arm boards alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def flags(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("graph", "input_layer", "input_layer_shape"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("input_layer_value_files", "output_filepath", "external_delegate_path"):
        parser.add_argument(f"--{name}", default="")
    for name in ("num_threads", "num_runs", "warmup_runs"):
        parser.add_argument(f"--{name}", type=int, default=1)
    for name in ("min_secs", "warmup_min_secs"):
        parser.add_argument(f"--{name}", type=float, default=0)
    for name in ("use_xnnpack", "use_gpu", "use_nnapi"):
        parser.add_argument(f"--{name}", default="")
    for name in ("enable_op_profiling", "report_peak_memory_footprint"):
        parser.add_argument(f"--{name}", default="false")
    return parser.parse_args(words)


def stat_line(microseconds: list[int]) -> str:
    if not microseconds:
        return "count=0"
    low, middle, high = np.percentile(microseconds, (5, 50, 95))
    return (
        f"count={len(microseconds)} first={microseconds[0]} curr={microseconds[-1]} "
        f"min={min(microseconds)} max={max(microseconds)} avg={statistics.mean(microseconds):.6g} "
        f"std={statistics.pstdev(microseconds):.0f} p5={low:.0f} median={middle:.0f} "
        f"p95={high:.0f}"
    )


def timed(interpreter: Interpreter, count: int) -> list[int]:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        interpreter.invoke()
        times.append(int((time.perf_counter() - start) * 1e6))
    print("INFO: " + stat_line(times) + "\n")
    return times


def profile(interpreter: Interpreter) -> None:
    from edge_imgq.runtime.litert import placement_of

    found = placement_of(interpreter)
    rows = ["TfLiteXNNPackDelegate"] * found.partitions + list(found.fallback)
    print("INFO: Operator-wise Profiling Info for Regular Benchmark Runs:")
    print("============================== Run Order ==============================")
    print("\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]"
          "\t[times called]\t[Name]")  # fmt: skip
    for index, kind in enumerate(rows):
        print(f"\t{kind:>24}\t    1.0\t    1.0\t  1.0%\t  1.0%\t     0.000\t        1\t[n]:{index}")
    print("\nNumber of nodes executed: %d" % len(rows))  # noqa: UP031


def main() -> None:
    chosen = flags(sys.argv[1:])
    start = time.perf_counter()
    interpreter = Interpreter(chosen.graph, num_threads=chosen.num_threads)
    detail = interpreter.get_input_details()[0]
    shape = [int(side) for side in chosen.input_layer_shape.split(",")]
    interpreter.resize_tensor_input(detail["index"], shape)
    interpreter.allocate_tensors()
    init = int((time.perf_counter() - start) * 1e6)
    values = np.random.default_rng(0).integers(0, 256, shape).astype(detail["dtype"])
    if chosen.input_layer_value_files:
        name, _, path = chosen.input_layer_value_files.partition(":")
        assert name == chosen.input_layer
        values = np.frombuffer(Path(path).read_bytes(), detail["dtype"]).reshape(shape)
    interpreter.set_tensor(detail["index"], values)
    warm = timed(interpreter, chosen.warmup_runs)
    regular = timed(interpreter, chosen.num_runs)
    first = (warm or regular)[0]
    print(
        f"INFO: Inference timings in us: Init: {init}, First inference: {first}, "
        f"Warmup (avg): {statistics.mean(warm or [0]):.6g}, "
        f"Inference (avg): {statistics.mean(regular):.6g}"
    )
    if chosen.report_peak_memory_footprint == "true":
        print("INFO: Overall peak memory footprint (MB) via periodic monitoring: 23.4375")
    if chosen.enable_op_profiling == "true":
        profile(interpreter)
    if chosen.output_filepath:
        result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        Path(chosen.output_filepath).write_bytes(result.tobytes())


if __name__ == "__main__":
    main()
