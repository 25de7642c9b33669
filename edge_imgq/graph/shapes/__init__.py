"""Shapes: inference, arithmetic on them, and binding a graph to one image size."""
