"""The command line: one file per command; the only part that prints."""
