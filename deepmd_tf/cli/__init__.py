"""The ``dp`` program: one file per command, each with ``NAME``, ``HELP``, ``arguments(parser)`` and ``run(args)``."""
