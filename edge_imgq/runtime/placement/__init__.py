"""Predicts by documented rules which operators an accelerator runs; nothing is executed."""
