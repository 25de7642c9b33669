"""The check command, a gate for CI: files and figures against a baseline."""
