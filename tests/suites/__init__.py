"""Suites that a new component inherits."""
