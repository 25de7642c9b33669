"""Phase 5, express: rewrite operators that some target lacks into ones that all targets have."""
