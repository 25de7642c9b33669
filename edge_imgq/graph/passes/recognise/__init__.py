"""Phase 2, recognise: replace node patterns by the operator that they implement."""
