"""Turn a trained image-to-image network into verified int8 files for phones."""

import os

from edge_imgq.version import __version__ as __version__

# ONNX Runtime's wheels otherwise keep a database of events in ~/.cache/Microsoft and a file in the
# folder for temporary ones from its import on, to be sent away. "0" in the environment allows it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
