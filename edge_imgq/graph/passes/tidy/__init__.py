"""Phase 1: no padding to be worked out, no duplicates, no operators that do nothing."""
