"""Models on disk: checkpoints and frozen graphs."""
