"""Turn a trained image-to-image network into verified int8 files for phones."""

import os

from edge_imgq.version import __version__ as __version__

# ONNX Runtime's wheels otherwise keep a database of events in ~/.cache/Microsoft and a file in the
# folder for temporary ones from its import on, to be sent away. "0" in the environment allows it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Threads of numpy and PyTorch that have nothing to do keep a processor busy for some milliseconds,
# in case there is more; between the small layers of image networks that is half of all the time
# that an export takes of the processors. PyTorch's sleep instead. OpenBLAS, numpy's, cannot be told
# to, so it has one thread. What the environment says already, holds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
