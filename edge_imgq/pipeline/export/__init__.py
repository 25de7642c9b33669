"""The export command: from a model to files that were reopened and measured."""
