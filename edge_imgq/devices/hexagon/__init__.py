"""Qualcomm's NPU: hardware, or Qualcomm's emulator of it."""
