"""How far a training through tables departs from one that evaluates every neighbour: loss and weights, step by step.

Both graphs get the same batches from the same first weights; losses are compared with all their digits.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import numpy as np
from programs import INPUT, table

from deepmd_tf.config.check import normalize
from deepmd_tf.infer.session import session_config
from deepmd_tf.model.make import make_model
from deepmd_tf.nn.tabulated import TableInTheLoop
from deepmd_tf.nn.weights import TrainableWeights
from deepmd_tf.precision import interface_dtype
from deepmd_tf.tf1 import tf
from deepmd_tf.train import run
from deepmd_tf.train.schedule import learning_rate
from deepmd_tf.train.schema import input_schema
from deepmd_tf.train.start import Start
from deepmd_tf.train.statistics import model_statistics, neighbor_facts
from deepmd_tf.train.step import TrainingGraph
from deepmd_tf.train.table import TableGuard


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", required=True, help="folder that takes the place of @DATA@ in the input")
    options.add_argument("--input", default=INPUT, type=Path)
    options.add_argument("--steps", type=int, default=200)
    args = options.parse_args()
    text = args.input.read_text(encoding="utf-8").replace("@DATA@", str(Path(args.data).resolve()))
    config = normalize(json.loads(text), input_schema(), source=str(args.input))
    training, _ = run.open_data(config, config["training"].get("seed"))
    nearest = neighbor_facts(config["model"], training, Start(), skip=False)
    statistics = model_statistics(make_model(config["model"]), config["model"], training)
    tabulated, values = trained(config, training, statistics, args.steps, partial(TableInTheLoop, nearest=nearest))
    exact, _ = trained(config, training, values, args.steps, None)
    difference = np.abs(tabulated - exact) / np.abs(exact)
    rows = [[str(step), f"{exact[step]:.10e}", f"{difference[: step + 1].max():.1e}"]
            for step in sorted({0, 9, 49, 99, args.steps - 1}) if step < args.steps]  # fmt: skip
    print(table(["step", "loss", "largest relative difference so far"], rows))


def trained(config, training, statistics, steps: int, tables) -> tuple[np.ndarray, dict]:
    """Losses of a run, and the weights that it began with."""
    weights = TrainableWeights(dict(statistics))
    rate = learning_rate(config["learning_rate"], steps, 1)
    model, loss, optimizer = make_model(config["model"]), run._loss(config), run._optimizer(config)
    graph = TrainingGraph(model, loss, training.requirements, rate, optimizer, weights, interface_dtype(), {}, tables)
    losses = []
    with tf.Session(graph=graph.graph, config=session_config()) as session:
        graph.load(session)
        if graph.tables is not None:
            TableGuard(session, graph, config["training"]["table_tolerance"]).check()
        for step in range(steps):
            feeds = dict(zip(graph.feeds.values(), graph.arrays(training.batch(step))))
            losses.append(session.run([graph.errors["rmse"], graph.train], feeds)[0])
    return np.array(losses), {name: weights.values[name] for name in weights.tensors}


if __name__ == "__main__":
    main()
