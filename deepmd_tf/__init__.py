"""Deep Potential models in TensorFlow graph mode: train, freeze, test and use them.

Importing the package is cheap: TensorFlow is loaded when the first graph is built.
"""

__version__ = "0.1.0"
