"""The networks in the arithmetic of the device: the second step of training."""
