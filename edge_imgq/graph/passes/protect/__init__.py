"""Phase 4: arithmetic that has to stay float as a whole is marked."""
