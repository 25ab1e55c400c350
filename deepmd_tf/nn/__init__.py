"""Building blocks of the networks: plain functions of tensors, no session inside."""
