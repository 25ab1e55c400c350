"""The Python face of the native library; the only place that loads it."""
