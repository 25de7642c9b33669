"""Choose layers to keep in float so that int8 files meet their budget."""
