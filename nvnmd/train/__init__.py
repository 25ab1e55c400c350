"""Training of quantised models in two steps: in floating point, then in the numbers of the device."""
