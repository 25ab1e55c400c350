"""A model file held against what it was made from, against equations in NumPy, and against its own energy.

Nothing here builds a graph or shares code with what writes the file: networks, descriptors, neighbours, forces and
virials are written once more, from their equations.
"""
