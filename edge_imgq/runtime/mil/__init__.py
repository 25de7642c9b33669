"""A reference evaluator for saved Core ML packages, on machines without Core ML."""
