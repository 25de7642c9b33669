"""Core AI files: the Core ML program of a graph, operator by operator in Core AI's."""
