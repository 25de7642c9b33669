"""Phase 1, tidy: state padding as numbers, remove duplicates and operators without effect."""
