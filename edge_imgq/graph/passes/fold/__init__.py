"""Phase 6: constants and linear branches folded into convolutions."""
