"""Predicting the error of the image that quantization will cause."""
