"""Opening what a person names as a model, and what its pixels mean."""
