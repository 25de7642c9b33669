"""What `import edge_imgq` promises: these names, with these parameters."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import edge_imgq as eiq

PROGRESS = "progress=None"
SET = "settings=mappingproxy({})"
PORTS = ("output_name=''", "inputs=()", "bind=mappingproxy({})", "states=()")
DEVICE = ("*", "device='host'", "delegate='xnnpack'", "benchmark_model=None", "threads=1")

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "assess": ("photo", "*", "model='assess-slim'", "threads=None"),
    "assess_files": ("photos", "*", "model='assess-slim'", "threads=None", PROGRESS),
    "bench": (
        "paths",
        *(
            *DEVICE,
            "runs=100",
            "size=None",
            "sustained=0.0",
            "memory=False",
            "operators=False",
            PROGRESS,
        ),
    ),
    "bundle": (
        *("model", "output", "*", "targets=()", "zipped=False", "card=None", "author=''"),
        *("licence=''", "model_version=''", PROGRESS),
    ),
    "check": (
        *("paths", "baseline", "*", "shipped=()", "require=()", "images=None", "html=None"),
        *("pictures=None", "junit=None", "markdown=None", "history=None", "threads=1"),
        *("cache=True", PROGRESS),
    ),
    "enhance": ("photo", "model", "*", "pixel_range=None", *PORTS, SET, "threads=None", PROGRESS),
    "enhance_files": (
        *("photos", "model", "output", "*", "suffix=''", "resume=False", "workers=0", "memory=0"),
        *("page=None", "pixel_range=None"),
        *(*PORTS, SET, "device=''", "threads=None", PROGRESS),
    ),
    "evaluate": (
        *("model", "images", "*", "task=None", "levels=()", "sheet=None", "pixel_range=None"),
        *(*PORTS, SET, "regressors=None", "learn_from=None"),
        *("detector=None", "threads=None", PROGRESS),
    ),
    "export": (
        *("model", "*", "targets='all'", "output='artifacts'", "calibration=None", "images=None"),
        *(
            "sizes=()",
            "scheme=None",
            "pixel_range=None",
            *PORTS,
            "threads=1",
            "bench=True",
            "pictures=None",
        ),
        *("dump_graphs=None", "ai_pack=None", "check_graphs=False", "author=''", "licence=''"),
        *("model_version=''", PROGRESS),
    ),
    "export_recipes": ("beside=None",),
    "inspect": (
        *("path", "*", "size=None", "passes=False", "pixel_range=None", *PORTS),
        "targets=()",
        PROGRESS,
    ),
    "open": ("model", "*", "example=None", "name=''", "sizes=()", "pixel_range=None", *PORTS),
    "open_file": ("path", "*", "threads=1"),
    "quantize": (
        *("model", "recipe='int8'", "images=None", "*", "pixel_range=None", *PORTS, PROGRESS),
    ),
    "quantize_recipe": ("name", "beside=None"),
    "sensitivity": (
        *("model", "*", "scheme='int8'", "budget=None", "fidelity=None", "size=None"),
        *("calibration=None", "images=None", "output='artifacts'", "pixel_range=None", *PORTS),
        SET,
        PROGRESS,
    ),
    "train": (
        *("model", "data", "output", "*", "validation=None", "schedule=None", "resume=False"),
        *("start_from=None", "features=None", "validate_every=2000", "checkpoint_minutes=3.0"),
        *("tensorboard=False", "device='auto'", "precision='auto'", "threads=None", PROGRESS),
    ),
    "training_schedule": ("model",),
    "verify_bundle": ("folder", "*", "images=None", PROGRESS),
    "update_baseline": (
        *("paths", "baseline", "*", "images=None", "threads=1", "cache=True", PROGRESS),
    ),
    "verify": (
        "paths",
        *("*", "images=None", *DEVICE[1:]),
        "bench=True",
        *("pictures=None", "reference=None", "bisect=False"),
        PROGRESS,
    ),
}

MEMBERS: dict[str, set[str]] = {
    "Assessment": {
        *("source", "size", "noise", "jpeg_quality", "blur", "elongation", "upscaling"),
        *("exposure", "psnr", "blurred", "gains", "advice", "classical"),
    },
    "Assessments": {"assessments", "failed"},
    "BaselineUpdate": {"path", "notes"},
    "Budget": {"psnr_drop", "psnr_drop_worst", "psnr_vs_reference", "conversion_within_1"},
    "CheckResult": {"comparison", "notes", "passes", "verdict", "verdicts"},
    "EdgeImgqError": {"exit_code"},
    "EvaluationResult": {"evaluation", "rows", "images", "detection"},
    "ExportRecipe": {
        *(
            "name",
            "summary",
            "format",
            "precision",
            "scheme",
            "processor",
            "passes",
            "size",
            "activations",
        ),
        *("budget", "processors", "chips", "kind", "needs_extra", "ports"),
    },
    "FileResult": {
        *("path", "figures", "target", "bytes", "vs_float", "drop", "latency", "breaches"),
    },
    "ImageContract": {
        *("task", "scale", "colour", "peak", "multiple", "channels", "pixel_scale", "shave"),
        *("fitting", "result", "result_channels", "result_size", "returns_image", "layout"),
        *(
            "frames",
            "further",
            "border",
            "port_choices",
            "port_options",
            "image_channels",
            "photo_unit",
            "takes_image_alone",
            *("adds_colours", "port_words"),
            *("others", "results_channels", "results_sizes", "is_recurrent", "states"),
        ),
    },
    "Inspection": {"path", "description", "exports", "text", "write_overlay"},
    "Model": {
        *("name", "sizes", "pixel_range", "source", "given", "contract", "parameters", "onnx"),
        "at",
    },
    "ModelResult": {"folder", "report", "worst_images", "files", "passes", "verdict"},
    "OpenedFile": {
        *("path", "session", "contract", "target", "sizes", "runtime", "run", "run_all"),
        "run_float",
    },
    "PixelRange": {"low", "high"},
    "QuantizeRecipe": {
        *("name", "summary", "observer", "passes", "rounding", "corrections", "equalization"),
        *("tuning", "copies", "noise_for_time", "scales", "precision", "when_over_budget"),
        *("start", "graph"),
    },
    "QuantizedModel": {"model", "recipe", "steps", "advice", "graph", "psnr", "onnx", "save"},
    "Schedule": {
        *("steps", "batch", "patch", "learning_rate", "warmup", "decay", "milestones", "loss"),
        *("squared_from", "bfloat16_until", "luma_share", "head_until", "int8_noise", "average"),
        *("relu_share", "scales", "then", "versions", "grid", "pair_weight", "seed"),
    },
    "SensitivityResult": {"sensitivity", "psnr", "layers", "choice"},
    "Skipped": {"reason"},
    "ProgressStep": {"what", "done", "total", "stage"},
    "Timings": {"timings", "exit_code"},
    "TrainingProgress": {
        *("step", "steps", "loss", "learning_rate", "validation_psnr", "pixels_per_second"),
    },
    "TrainingResult": {
        *("model", "checkpoint", "step", "psnr", "validations", "left_out", "rank", "begun_at"),
        "relu_channels",
    },
    "Verification": {"models", "reports", "passes", "verdict"},
}

SHOWN = (
    *("BaselineUpdate", "CheckResult"),
    *(
        "EvaluationResult",
        "Inspection",
        "Model",
        "ModelResult",
        "QuantizedModel",
        "SensitivityResult",
    ),
    *("Timings", "TrainingResult", "Verification"),
)
"""Classes that a notebook shows."""


def parameters(function: object) -> tuple[str, ...]:
    found = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    words = [
        p.name if p.default is inspect.Parameter.empty else f"{p.name}={p.default!r}" for p in found
    ]
    named = [index for index, p in enumerate(found) if p.kind is inspect.Parameter.KEYWORD_ONLY]
    return (*words[: named[0]], "*", *words[named[0] :]) if named else tuple(words)


def test_these_are_the_public_names() -> None:
    assert set(eiq.__all__) == {*FUNCTIONS, *MEMBERS, "__version__"}
    assert list(eiq.__all__) == sorted(eiq.__all__)
    assert all(hasattr(eiq, name) for name in eiq.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_these_parameters_and_describes_them(name: str) -> None:
    function = getattr(eiq, name)
    assert parameters(function) == FUNCTIONS[name]
    document = inspect.getdoc(function) or ""
    for parameter in inspect.signature(function).parameters:
        assert name.endswith(("_recipe", "_recipes")) or f"\n    {parameter}: " in document
    assert all(p.annotation is not p.empty for p in inspect.signature(function).parameters.values())


@pytest.mark.parametrize("name", MEMBERS)
def test_a_class_has_these_members(name: str) -> None:
    kind = getattr(eiq, name)
    fields = set(getattr(kind, "__dataclass_fields__", {}))
    inherited = set(dir(BaseException)) | set(dir(object))
    members = {word for word in dir(kind) if not word.startswith("_")} - inherited
    assert fields | members == MEMBERS[name]


@pytest.mark.parametrize("name", SHOWN)
def test_a_result_shows_in_a_notebook_and_prints_as_text(name: str) -> None:
    kind = getattr(eiq, name)
    assert callable(kind._repr_html_)
    assert kind.__str__ is not object.__str__


@pytest.mark.parametrize("stage", ["bench", "export", "quantize", "train", "verify"])
def test_a_name_that_a_folder_has_too_stays_the_functions(stage: str) -> None:
    """Python binds a folder's name in its parent when it is imported first."""
    for file in sorted((Path(eiq.__file__).parent / stage).glob("*.py"))[:3]:
        importlib.import_module(f"edge_imgq.{stage}.{file.stem}")
    assert inspect.isfunction(getattr(eiq, stage))
    code = (
        f"from edge_imgq.{stage} import __doc__ as said; import edge_imgq\n"
        f"assert said and callable(edge_imgq.{stage})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_import_takes_nothing_of_others_with_it() -> None:
    """Which is what makes it quick: how quick, `benchmarks/quickness.py` measures."""
    code = (
        "import sys; before = set(sys.modules)\nimport edge_imgq\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not set(done.stdout.split()) - sys.stdlib_module_names - {"edge_imgq"}


@pytest.mark.parametrize(
    "command",
    [
        *("bench", "check", "enhance", "evaluate", "export", "inspect", "sensitivity", "train"),
        "verify",
    ],
)
def test_a_command_calls_the_function(command: str) -> None:
    source = inspect.getsource(importlib.import_module(f"edge_imgq.cli.{command}"))
    assert f"from edge_imgq.api.{command} import" in source
    assert "Request(" not in source
