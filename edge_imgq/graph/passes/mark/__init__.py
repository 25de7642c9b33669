"""Phase 7: values that eight bits cannot hold are marked as float."""
