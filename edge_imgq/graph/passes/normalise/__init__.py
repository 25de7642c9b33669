"""Phase 3, normalise: decompose normalisations, and bring images to channels-first layout."""
