"""Phase 4, protect: mark arithmetic that must stay in float as a whole."""
