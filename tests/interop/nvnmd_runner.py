"""Runs in the environment of deepmd-kit: its ``dp`` program, with type embeddings that have a bias.

``python nvnmd_runner.py train-nvnmd ...``; without the bias its version 1 ends in the table builder, and an input file
cannot ask for it, as the section ``model`` is overwritten. So the file that the step itself writes is completed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import deepmd.tf.nvnmd.entrypoints.train as steps
from deepmd.main import main

train = steps.train


def train_with_bias(**options):
    """Complete the file of the step, then train as it would have been."""
    path = Path(options["INPUT"])
    script = json.loads(path.read_text())
    script["model"]["type_embedding"] = {"activation_function": "none", "use_tebd_bias": True}
    path.write_text(json.dumps(script))
    return train(**options)


steps.train = train_with_bias
main(["--tf", *sys.argv[1:]])
