"""Predict the error that quantization causes in the output image."""
