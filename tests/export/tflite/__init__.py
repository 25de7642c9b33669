"""Tests of the TFLite lowering."""
