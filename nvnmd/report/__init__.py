"""One page on what is lost on the way from the floating-point network to the device."""
