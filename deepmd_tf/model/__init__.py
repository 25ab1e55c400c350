"""Models: descriptor and fitting put together, and what follows from the energy."""
