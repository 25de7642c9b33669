"""Graph passes, one per file, in a folder per phase."""
