"""Data systems: folders, raw text, HDF5 and mixed types as batches of NumPy arrays. No TensorFlow here."""
