"""Qualcomm's NPU: the real one, or Qualcomm's emulator of it."""
