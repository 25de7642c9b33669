"""Turn a trained image-to-image network into verified int8 files for phones.

    import edge_imgq as eiq

    result = eiq.export("fsrcnn-x2", targets="tflite-int8")
    enlarged = eiq.enhance("photo.jpg", result["tflite-int8"])

The functions import what they need when they are called. `docs/python.md` shows all of them.
"""

import os

# Six stages have the names of functions here. Python binds a folder's name when it is imported
# first, so that is done before the functions take the names; `from edge_imgq.export import onnx`
# works as ever.
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

# ONNX Runtime's wheels otherwise keep a database of events in ~/.cache/Microsoft and a file in the
# folder for temporary ones from its import on, to be sent away. "0" in the environment allows it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Threads of numpy and PyTorch that have nothing to do keep a processor busy for some milliseconds,
# in case there is more; between the small layers of image networks that is half of all the time
# that an export takes of the processors. PyTorch's sleep instead. OpenBLAS, numpy's, cannot be told
# to, so it has one thread. What the environment says already, holds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
