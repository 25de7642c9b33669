"""The sensitivity command: what each layer costs in the image and in time."""
