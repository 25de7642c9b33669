"""Cost of graph operators on a processor, from its kernel profile."""
