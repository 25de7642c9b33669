"""Phase 3: norms as means and variances, and images with channels first."""
