"""Which rows of an image the values of a graph depend on."""
