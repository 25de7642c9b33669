"""Recipes: strict TOML files, parsed into frozen dataclasses."""
