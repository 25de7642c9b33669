"""Phase 5: operators that some target lacks, in those that all targets have."""
