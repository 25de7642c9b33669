"""Qualcomm's Hexagon NPU, real or emulated."""
