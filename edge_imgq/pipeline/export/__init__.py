"""Export a model to files that are reopened and measured."""
