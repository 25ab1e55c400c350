"""Fitting networks: from the features of an atom to its share of a property. One file each."""
