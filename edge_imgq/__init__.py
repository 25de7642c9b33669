"""Turn a trained image-to-image network into verified int8 files for phones."""

__version__ = "0.1.0"
