"""The bundle command: a folder for app developers, written and checked."""
