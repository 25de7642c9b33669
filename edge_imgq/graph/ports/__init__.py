"""The ports of a graph: chosen, found, brought into one form, and fed."""
