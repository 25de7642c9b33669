"""Phase 7, mark: mark values that eight bits cannot represent as float arithmetic."""
