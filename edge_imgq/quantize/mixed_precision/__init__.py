"""Which layers compute in float inside an int8 graph."""
