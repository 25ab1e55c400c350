"""The operations of the quantised networks: typed functions over a native library of the plug-in's own."""
