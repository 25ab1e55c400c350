"""Commands that the plug-in adds to ``dp``, one file each, as those of :mod:`deepmd_tf.cli`."""
