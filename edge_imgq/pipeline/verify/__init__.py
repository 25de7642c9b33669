"""The verify command: files reopened from disk and measured against their references."""
