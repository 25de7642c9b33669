"""The stages in order: what each command of the tool does, without printing."""
