"""Step time of N processes with one thread each against one process with one thread: each has a batch of its own.

What counts is the time between two rows of the learning curve. Runs alternate. N runs that do not know of each other
show what the machine gives to N processes at once. The time of one exchange, of as many numbers as the gradient has, is
measured in a run of its own, where nobody computes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, median

import numpy as np
from programs import Program, environment, fresh_folder, parser, table

EXCHANGES = 200


def main() -> None:
    if "HOROVOD_RANK" in os.environ or "OMPI_COMM_WORLD_RANK" in os.environ:
        return time_exchange(int(sys.argv[1]))
    options = parser(__doc__)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--launcher", choices=("horovodrun", "mpirun"), default="horovodrun")
    options.add_argument("--batch", type=int, default=1, help="frames of each process")
    options.add_argument("--steps", type=int, default=100, help="between two rows of the learning curve")
    options.add_argument("--pairs", type=int, default=3, help="runs of each kind")
    args = options.parse_args()
    args.threads = 1
    start = {
        "horovodrun": (str(Path(sys.executable).with_name("horovodrun")), "--gloo", "-np", str(args.processes)),
        "mpirun": ("mpirun", "--bind-to", "none", "-np", str(args.processes)),
    }[args.launcher]
    alone = Program("one process", (sys.executable, "-m", "deepmd_tf"))
    apart = Program(f"{args.processes} runs at once", alone.command)
    together = Program(f"{args.processes} processes", (*start, *alone.command))
    copies = {alone: 1, apart: args.processes, together: 1}
    found = {program.name: [] for program in copies}
    for _ in range(args.pairs):
        for program, n in copies.items():
            with ThreadPoolExecutor(n) as pool:
                results = list(pool.map(lambda _, program=program: between_rows(args, program), range(n)))
            found[program.name].append(1e3 * mean(seconds for seconds, _ in results) / args.steps)
    numbers = results[0][1]
    one, separate, many = (median(times) for times in found.values())
    rows = [[name, f"{median(times):.2f}", f"{min(times):.2f} to {max(times):.2f}"] for name, times in found.items()]
    rows.append(["efficiency", f"{100 * one / many:.1f} %", ""])
    rows.append(["of what the machine gives", f"{100 * separate / many:.1f} %", ""])
    print(table(["", "ms/step (median)", "range"], rows))
    exchange = Program("exchange", (*start, sys.executable, __file__))
    env = environment(alone, 1) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    _, text = exchange.run([str(numbers)], Path.cwd(), env)
    print(f"\none exchange of {numbers} numbers of float64: {text.split('exchange ')[1].strip()}")


def between_rows(args, program: Program) -> tuple[float, int]:
    """Seconds from the second row of the learning curve to the third, and how many numbers are trained."""
    training = dict(numb_steps=2 * args.steps, disp_freq=args.steps, save_freq=2 * args.steps)
    folder = fresh_folder(args, **training)
    content = json.loads((folder / "input.json").read_text())
    content["training"]["training_data"]["batch_size"] = args.batch
    (folder / "input.json").write_text(json.dumps(content))
    env = environment(program, 1) | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    seconds = program.time_between_rows(["train", "input.json"], folder, env, folder / "lcurve.out")
    numbers = trained_numbers(folder / "model.ckpt")
    shutil.rmtree(folder)
    return seconds, numbers


def trained_numbers(prefix: Path) -> int:
    """Numbers that the optimizer keeps a moment of."""
    from deepmd_tf.export.checkpoint import find_checkpoint

    return sum(value.size for name, value in find_checkpoint(prefix).values().items() if name.endswith("/Adam"))


def time_exchange(numbers: int) -> None:
    """Run by each process: the sum of as many numbers, in pieces as of a network, again and again."""
    from deepmd_tf.tf1 import tf
    from deepmd_tf.train.parallel import world

    group = world()
    with tf.Graph().as_default():
        # Constants would be exchanged once, when the graph is optimised; so would sums that nobody reads.
        parts = [tf.placeholder(tf.float64, [numbers // 10]) for _ in range(10)]
        done = tf.add_n([part[0] for part in group.sums(parts)])
        feeds = dict.fromkeys(parts, np.ones(numbers // 10))
        with tf.Session() as session:
            times = []
            for _ in range(EXCHANGES):
                begin = time.perf_counter()
                session.run(done, feeds)
                times.append(1e3 * (time.perf_counter() - begin))
    if group.rank == 0:
        print(f"exchange {median(times):.2f} ms (median of {EXCHANGES}, fastest {min(times):.2f})", flush=True)


if __name__ == "__main__":
    main()
