"""Training: schedule, optimizer, loop, log."""
