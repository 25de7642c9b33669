"""Images as 8-bit arrays: files, colour, resizing, degradations, layouts and tiles."""
