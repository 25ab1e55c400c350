"""Compressed models: tables in the place of embedding networks."""
