"""Ports (inputs and outputs) of a graph: selected, detected, normalised and fed."""
