"""Turn a trained image-to-image network into verified int8 files for phones.

    import edge_imgq as eiq

    result = eiq.export("fsrcnn-x2", targets="tflite-int8")
    enlarged = eiq.enhance("photo.jpg", result["tflite-int8"])

Heavy packages (torch, onnxruntime, tensorflow) are imported on the first call that needs them.
`docs/python.md` shows every function.
"""

import os

# Six stage packages share their name with a public function. Importing a subpackage rebinds its
# name in this module, so the packages are imported first and the functions bind last.
# `from edge_imgq.export import torch_network` still works.
import edge_imgq.bench
import edge_imgq.bundle
import edge_imgq.export
import edge_imgq.quantize
import edge_imgq.train
import edge_imgq.verify  # noqa: F401
from edge_imgq.api.assess import Assessments, assess, assess_files
from edge_imgq.api.bench import Timings, bench
from edge_imgq.api.bundle import bundle, verify_bundle
from edge_imgq.api.check import BaselineUpdate, CheckResult, check, update_baseline
from edge_imgq.api.enhance import enhance, enhance_files
from edge_imgq.api.evaluate import EvaluationResult, evaluate
from edge_imgq.api.export import export
from edge_imgq.api.inspect import Inspection, inspect
from edge_imgq.api.model import Model
from edge_imgq.api.model import open_model as open
from edge_imgq.api.open_file import OpenedFile, open_file
from edge_imgq.api.quantize import QuantizedModel, quantize
from edge_imgq.api.result import FileResult, ModelResult
from edge_imgq.api.sensitivity import SensitivityResult, sensitivity
from edge_imgq.api.train import TrainingResult, train, training_schedule
from edge_imgq.api.verify import Verification, verify
from edge_imgq.contract import ImageContract, PixelRange
from edge_imgq.errors import EdgeImgqError
from edge_imgq.pipeline.progress import ProgressStep
from edge_imgq.recipe.export import Budget, ExportRecipe
from edge_imgq.recipe.folders import export_recipes, quantize_recipe
from edge_imgq.recipe.quantize import QuantizeRecipe
from edge_imgq.report.assessment import Assessment
from edge_imgq.skipped import Skipped
from edge_imgq.train.progress import TrainingProgress
from edge_imgq.train.schedule import Schedule
from edge_imgq.version import __version__

__all__ = [
    "Assessment",
    "Assessments",
    "BaselineUpdate",
    "Budget",
    "CheckResult",
    "EdgeImgqError",
    "EvaluationResult",
    "ExportRecipe",
    "FileResult",
    "ImageContract",
    "Inspection",
    "Model",
    "ModelResult",
    "OpenedFile",
    "PixelRange",
    "ProgressStep",
    "QuantizeRecipe",
    "QuantizedModel",
    "Schedule",
    "SensitivityResult",
    "Skipped",
    "Timings",
    "TrainingProgress",
    "TrainingResult",
    "Verification",
    "__version__",
    "assess",
    "assess_files",
    "bench",
    "bundle",
    "check",
    "enhance",
    "enhance_files",
    "evaluate",
    "export",
    "export_recipes",
    "inspect",
    "open",
    "open_file",
    "quantize",
    "quantize_recipe",
    "sensitivity",
    "train",
    "training_schedule",
    "update_baseline",
    "verify",
    "verify_bundle",
]

# From its import on, ONNX Runtime writes telemetry to ~/.cache/Microsoft and to the temporary
# folder, for upload. Set the variable to "0" before the import to allow it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Idle worker threads of OpenMP (PyTorch) and OpenBLAS (numpy) spin for some milliseconds. Between
# the small layers of image networks this is half of the processor time of an export. OpenMP can
# be told to sleep instead; OpenBLAS cannot, so it gets one thread. Values that are already set in
# the environment are kept.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
