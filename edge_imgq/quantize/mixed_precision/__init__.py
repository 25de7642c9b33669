"""Mixed precision: which layers of an int8 graph compute in float."""
