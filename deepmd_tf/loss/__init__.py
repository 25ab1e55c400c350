"""Losses: how far a prediction is from its labels. One file each."""
