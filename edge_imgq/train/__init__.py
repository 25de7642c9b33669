"""Training: pairs of images, patches, the loop, checkpoints."""
