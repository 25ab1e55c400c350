"""``python -m deepmd_tf`` is the ``dp`` program."""

import sys

from deepmd_tf.cli.main import main

sys.exit(main())
