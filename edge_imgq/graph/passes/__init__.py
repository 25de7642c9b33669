"""Rewritings of the graph, one to a file."""
