"""Describe a model's files for app developers: contract, test vectors, code and provenance."""
