"""Rewrites of convolutions into equal forms that are faster on phones, such as Winograd F(2, 3)."""
