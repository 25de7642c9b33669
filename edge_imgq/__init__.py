"""Turn a trained image-to-image network into verified int8 files for phones."""

import os

__version__ = "0.1.0"

# ONNX Runtime's wheels otherwise keep a database of events in ~/.cache/Microsoft and a file in the
# folder for temporary ones from its import on, to be sent away. "0" in the environment allows it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
