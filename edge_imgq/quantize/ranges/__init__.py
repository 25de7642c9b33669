"""Ranges of activations: widened, narrowed and clipped before they become scales."""
