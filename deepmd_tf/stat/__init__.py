"""Statistics of the data: neighbours, environment matrix, energy bias, parameters. Results are plain arrays."""
