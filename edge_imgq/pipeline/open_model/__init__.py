"""Open a model that the user names, and determine its pixel and port ranges."""
