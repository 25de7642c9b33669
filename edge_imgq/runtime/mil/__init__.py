"""A reference evaluator of saved Core ML packages, for machines without Core ML."""
