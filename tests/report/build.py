"""Reports with chosen figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edge_imgq.contract import ImageContract
from edge_imgq.devices.arm64.operator_costs import OperatorCost, OperatorCosts
from edge_imgq.devices.latency import Latency
from edge_imgq.report.baseline import updated
from edge_imgq.report.baseline_comparison import BaselineComparison
from edge_imgq.report.report import Report, TargetReport
from edge_imgq.report.report_table import report_table
from edge_imgq.report.verdict import Verdict, judge
from edge_imgq.runtime.memory import ActivationMemory
from edge_imgq.runtime.protocol import Placement
from edge_imgq.runtime.versions import PackageVersion
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import Conversion, Drop, Fidelity, ImageFigures
from edge_imgq.verify.mean_error import MeanError

LATENCY = Latency(
    min_ms=35.02,
    median_ms=35.21,
    p90_ms=36.04,
    p95_ms=36.4,
    noise=0.01,
    init_ms=3.1,
    memory_mb=Skipped("memory is that of the whole process"),
    runs=30,
    left_out=0,
    warm_up=5,
    loop_ms=0.85,
    threads=1,
    size=(180, 320),
    device="host: A Processor With A Rather Long Name @ 2.40GHz, Linux x86_64",
    runtime="LiteRT 2.3.0 (XNNPACK)",
    delegate="XNNPACK",
    thermal=Skipped("this machine tells no temperature"),
    conditions="quiet machine",
)

INT8 = TargetReport(
    target="tflite-int8",
    file="tflite-int8.tflite",
    bytes=55_123,
    sha256="a" * 64,
    quantized_sha256="9" * 64,
    runtime="LiteRT 2.3.0 (XNNPACK)",
    vs_reference=Fidelity(46.7, 44.8, "astronaut"),
    drop=Drop(0.204, 0.561, "chelsea", 34.2, 31.5),
    quantization=Fidelity(46.9, 44.9, "astronaut"),
    conversion=Conversion(0.9995, 0.99991, 2),
    mean_error=MeanError((0.01,), (0.05,), Skipped("the images have no flat bright area")),
    images=(ImageFigures("astronaut", 44.8, 0.1), ImageFigures("chelsea", 48.6, 0.561)),
    vs_host=Skipped("the file ran on this host alone"),
    placement=Placement("XNNPACK", 12, 12, 1, ()),
    latency=LATENCY,
    instructions=Skipped("this processor does not count"),
    memory=ActivationMemory(12_960_000, 12_960_000, "DEPTH_TO_SPACE 'shuffle'", 3, (180, 320)),
    breaches=(),
)

COREML = replace(
    INT8,
    target="coreml-fp16",
    file="coreml-fp16.mlpackage",
    quantized_sha256="",
    runtime="reference evaluator 9.0",
    drop=Skipped("there is no truth"),
    quantization=Skipped("a float file has no quantization"),
    placement=Skipped("the reference evaluator runs every operator"),
    latency=Skipped("the reference evaluator checks values"),
)

REPORT = Report(
    model="fsrcnn-x2",
    version="0.1.0",
    contract=ImageContract("super-resolution", 2, "y"),
    parameters=12_637,
    reference_sha256="b" * 64,
    graph_sha256="d" * 64,
    calibration="8 calibration images of the manifest",
    calibration_sha256="c" * 64,
    evaluation="4 evaluation images of the manifest",
    evaluation_sha256="e" * 64,
    versions=(PackageVersion("ai-edge-litert", "2.3.0"), PackageVersion("numpy", "2.4.0")),
    targets=(COREML, INT8),
)


def with_target(**changes: Any) -> Report:
    """Return a report with tflite-int8 alone, some of its fields changed."""
    return replace(REPORT, targets=(replace(INT8, **changes),))


def said(report: Report) -> str:
    """Return a report as text, its lines joined."""
    return " ".join(report_table(report).split())


def explained(report: Report) -> str:
    """Return a report with all explanations, its lines joined."""
    return " ".join(report_table(report, explain=True).split())


ROWS = (
    OperatorCost(
        "CONV_2D 3x3 12→24",
        "xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_ld128",
        *(0.99, 41_097_819, 19_820_000, 139_104_520, 1_843_504, 6_920_896),
        *((112_094, 108_145, 108_140), 6_920_896, 1_323_136),
    ),
    OperatorCost("", "the C library", 0.8, 1000, 180_000, 640, 640, 1280, (20, 20, 20), 1280, 0),
)


COSTS = OperatorCosts(
    "cortex-a76",
    (180, 320),
    "LiteRT 2.3.0 (cortex-a76 emulated)",
    (65536, 262144, 2097152),
    "Snapdragon 855",
    "llvm-mca 22.1.8, tables of Neoverse N1",
    ROWS,
)


BASELINE = updated(None, [REPORT])
WORSE = with_target(vs_reference=Fidelity(40.0, 39.0, "a"))
HOSTILE = Verdict("a|b", "<img src=x>", "new", True, ("[click](http://x) & `rm` @team\n# x",))
SKIPPED = Verdict("other", "coreml-int8", "skipped", False, ("no Mac",))


def comparison(*more: Verdict, report: Report = WORSE) -> BaselineComparison:
    """Return the comparison of a report with a baseline of REPORT, with more verdicts."""
    return BaselineComparison((*judge([report], BASELINE), *more), (report,), BASELINE)
