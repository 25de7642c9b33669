"""Core ML packages built from the graph."""
