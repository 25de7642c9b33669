"""TFLite files written directly from the graph."""
