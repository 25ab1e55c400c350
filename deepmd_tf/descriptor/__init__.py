"""Descriptors: from coordinates to the features of each atom's environment. One file each."""
