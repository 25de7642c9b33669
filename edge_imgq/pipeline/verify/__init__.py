"""Reopen files from disk and measure them against their references."""
