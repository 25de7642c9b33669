"""Run the stages of each command in order, without printing."""
