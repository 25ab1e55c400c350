"""What the device computes from its model file, to the bit: a definition in NumPy and a fast program for it."""
