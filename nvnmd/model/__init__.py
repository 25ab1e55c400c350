"""The networks of quantised models as components of a graph."""
