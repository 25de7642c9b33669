"""What LiteRT's `benchmark_model` prints, in lines of its documentation and sources."""

from __future__ import annotations

import pytest

from edge_imgq.devices.remote.benchmark_model import (
    delegate_flags,
    read_node_types,
    read_peak_memory,
    read_timings,
)
from edge_imgq.errors import UsageError

RECENT = """\
INFO: Loaded model /data/local/tmp/f.tflite
INFO: Initialized session in 12.345ms.
INFO: Running benchmark for at least 5 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=38 first=20145 curr=13002 min=12960 max=20145 avg=13378.2 std=1176 p5=12967 median=13012 p95=13903

INFO: Running benchmark for at least 30 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=30 first=13050 curr=12990 min=12921 max=13555 avg=1.30291e+04 std=108 p5=12935 median=13008 p95=13262

INFO: Inference timings in us: Init: 12345, First inference: 20145, Warmup (avg): 13378.2, Inference (avg): 13029.1
INFO: Overall peak memory footprint (MB) via periodic monitoring: 41.7734
"""  # noqa: E501

OLD = """\
INFO: count=9 first=91020 curr=55300 min=54900 max=91020 avg=60125.5 std=11800

INFO: count=20 first=31500 curr=30900 min=30718 max=36410 avg=31118.1 std=1323

INFO: Inference timings in us: Init: 21432, First inference: 91020, Warmup (avg): 60125.5, Inference (avg): 31118.1
"""  # noqa: E501

PROFILE = """\
Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t         AllocateTensors\t    0.180\t    0.095\t 100.00%\t 100.00%\t   452.000\t        2\tAllocateTensors/0

Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                QUANTIZE\t    0.013\t    0.012\t  0.062%\t  0.062%\t     0.000\t        1\t[q]:0
\t   TfLiteXNNPackDelegate\t   18.911\t   18.902\t 97.891%\t 97.953%\t     0.000\t        1\t[a, b]:13
\t          DEPTH_TO_SPACE\t    0.392\t    0.395\t  2.047%\t100.000%\t     0.000\t        1\t[out]:11

============================== Top by Computation Time ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t   TfLiteXNNPackDelegate\t   18.911\t   18.902\t 97.891%\t 97.891%\t     0.000\t        1\t[a, b]:13

Number of nodes executed: 3
Delegate internal: 
============================== Run Order ==============================
\tConvolution (NHWC, QC8)\t    9.000\t    9.000\t 50.000%\t 50.000%\t     0.000\t        1\tDelegate/Conv:0
"""  # noqa: E501, W291


def test_median_percentile_and_counts_are_those_of_the_timed_runs() -> None:
    found = read_timings(RECENT)
    assert found is not None
    assert (found.runs, found.warm_up) == (30, 38)
    assert (found.median, found.p95, found.average) == (13.008, 13.262, pytest.approx(13.0291))
    assert found.init == 12.345
    assert read_peak_memory(RECENT) == 41.7734


def test_an_old_program_has_an_average_and_no_median() -> None:
    found = read_timings(OLD)
    assert found is not None
    assert (found.median, found.p95) == (None, None)
    assert found.average == pytest.approx(31.1181)
    assert read_peak_memory(OLD) is None


def test_one_run_is_its_own_median() -> None:
    found = read_timings("INFO: count=0\nINFO: count=1 curr=8123\n")
    assert found is not None
    assert (found.runs, found.warm_up, found.median) == (1, 0, 8.123)


@pytest.mark.parametrize("said", ["", "INFO: count=0\n", "ERROR: Failed to load the model"])
def test_no_times_are_none(said: str) -> None:
    assert read_timings(said) is None


def test_nodes_are_read_in_order_from_the_runs_not_from_what_is_around() -> None:
    assert read_node_types(PROFILE) == ("QUANTIZE", "TfLiteXNNPackDelegate", "DEPTH_TO_SPACE")
    assert read_node_types(RECENT) is None


def test_an_unknown_delegate_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="There are xnnpack, cpu, gpu, nnapi, and the path"):
        delegate_flags("turbo")
    assert delegate_flags("/vendor/lib.so") == ("--external_delegate_path=/vendor/lib.so",)
