"""Training: image pairs, patches, the loop and checkpoints."""
