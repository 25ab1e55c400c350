"""Non-von-Neumann molecular dynamics: quantised models for FPGA hardware, a plug-in of ``deepmd_tf``."""

__version__ = "0.1.0"
