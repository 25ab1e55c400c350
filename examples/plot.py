#!/usr/bin/env python3
"""Pictures and a table of how good a model is, from the files that ``dp train`` and ``dp test -d`` write.

    python plot.py lcurve lcurve.out -o learning_curve.png
    dp test -m model.pb -s data/training -d training
    dp test -m model.pb -s data/validation -d validation
    python plot.py parity training validation -o parity.png
    python plot.py table training validation

needs NumPy, and matplotlib for the pictures.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MILLI = 1e3
COLOURS = ("#8c9aa8", "#c8502d")  # training in the background, validation in front
SURFACE, INK = "#ffffff", "#2b2f33"


@dataclass(frozen=True)
class Quantity:
    """What ``dp test`` compares: the suffix of its detail file, the name of its column in lcurve.out, its unit."""

    suffix: str
    column: str
    name: str
    unit: str


QUANTITIES = (
    Quantity("e_peratom", "rmse_e", "energy per atom", "eV/atom"),
    Quantity("f", "rmse_f", "force component", "eV/Å"),
    Quantity("v_peratom", "rmse_v", "virial per atom", "eV/atom"),
)


def read_lcurve(path: Path) -> dict[str, np.ndarray]:
    """Columns of a learning curve by name; a restarted run repeats the header, which changes nothing."""
    with open(path, encoding="utf-8") as file:
        names = file.readline().lstrip("#").split()
    rows = np.loadtxt(path, ndmin=2)
    return dict(zip(names, rows.T))


def read_detail(prefix: str, quantity: Quantity) -> tuple[np.ndarray, np.ndarray] | None:
    """Labels and predictions of all systems, flat; None where the data holds no label of this kind."""
    path = Path(f"{prefix}.{quantity.suffix}.out")
    if not path.exists():
        return None
    label, predicted = np.hsplit(np.loadtxt(path, ndmin=2), 2)
    known = np.isfinite(label)
    return (label[known], predicted[known]) if known.any() else None


def rmse(pair: tuple[np.ndarray, np.ndarray]) -> float:
    return float(np.sqrt(np.mean((pair[1] - pair[0]) ** 2)))


def mae(pair: tuple[np.ndarray, np.ndarray]) -> float:
    return float(np.mean(np.abs(pair[1] - pair[0])))


def figure(count: int, height: float):
    """``count`` square-ish panels in a row, drawn without a display."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 10, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "axes.titlesize": 10,
            "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
            "axes.grid": True, "grid.color": "#e4e7ea", "grid.linewidth": 0.6, "axes.axisbelow": True,
        }
    )  # fmt: skip
    fig, axes = plt.subplots(1, count, figsize=(4.1 * count, height), layout="constrained", facecolor=SURFACE)
    return fig, np.atleast_1d(axes)


def plot_lcurve(path: Path, output: Path) -> None:
    """RMSE of training and validation over the steps, one panel per quantity."""
    columns = read_lcurve(path)
    shown = [q for q in QUANTITIES if any(name.startswith(q.column + "_") for name in columns)]
    fig, axes = figure(len(shown), 3.6)
    for axis, quantity in zip(axes, shown):
        titles = []
        for label, suffix, colour, width in zip(("training", "validation"), ("trn", "val"), COLOURS, (1.0, 1.8)):
            values = columns.get(f"{quantity.column}_{suffix}")
            if values is not None and np.isfinite(values).any():
                axis.plot(columns["step"], MILLI * values, color=colour, lw=width, label=label)
                titles.append(f"{label} {MILLI * np.median(values[-5:]):.3g}")
        axis.set(yscale="log", xlabel="step", ylabel=f"RMSE of {quantity.name} (m{quantity.unit})")
        axis.set_title(f"RMSE: {', '.join(titles)} m{quantity.unit}")
        axis.margins(x=0.01)
    axes[0].legend(frameon=False)
    fig.suptitle("Learning curve (RMSE in the titles: median of the last five rows)", fontsize=11)
    save(fig, output)


def plot_parity(prefixes: list[str], output: Path) -> None:
    """Prediction against label with the RMSE of each data set, one panel per quantity."""
    found = {q: [read_detail(prefix, q) for prefix in prefixes] for q in QUANTITIES}
    found = {q: pairs for q, pairs in found.items() if any(pairs)}
    fig, axes = figure(len(found), 4.3)
    for axis, (quantity, pairs) in zip(axes, found.items()):
        titles = []
        for prefix, pair, colour in zip(prefixes, pairs, COLOURS):
            if pair:
                name = Path(prefix).name
                axis.plot(*pair, ".", ms=4, mew=0, alpha=0.6, color=colour, rasterized=True, label=name)
                titles.append(f"{name} {MILLI * rmse(pair):.3g}")
        ends = np.concatenate([np.concatenate(pair) for pair in pairs if pair])
        ends = np.array([ends.min(), ends.max()]) + np.ptp(ends) * np.array([-0.03, 0.03])
        axis.plot(ends, ends, "-", lw=0.8, color=INK, zorder=1)
        axis.set(xlim=ends, ylim=ends, aspect="equal")
        axis.set(xlabel=f"reference {quantity.name} ({quantity.unit})", ylabel=f"predicted ({quantity.unit})")
        axis.set_title(f"RMSE: {', '.join(titles)} m{quantity.unit}")
    axes[0].legend(frameon=False, loc="upper left", markerscale=2.5, handletextpad=0.2)
    save(fig, output)


def save(fig, output: Path) -> None:
    fig.savefig(output, dpi=150)
    print(output)


def print_table(prefixes: list[str]) -> None:
    """MAE and RMSE of each quantity and data set, beside the spread of the labels that a model has to explain."""
    print(f"{'':18}{'data':14}{'values':>9}{'MAE':>10}{'RMSE':>10}{'spread':>10}  unit")
    for quantity in QUANTITIES:
        for prefix in prefixes:
            pair = read_detail(prefix, quantity)
            if pair:
                numbers = "".join(f"{MILLI * value:10.2f}" for value in (mae(pair), rmse(pair), pair[0].std()))
                print(f"{quantity.name:18}{Path(prefix).name:14}{pair[0].size:9d}{numbers}  m{quantity.unit}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    lcurve = commands.add_parser("lcurve", help="learning curve")
    lcurve.add_argument("file", type=Path)
    lcurve.add_argument("-o", "--output", type=Path, default=Path("learning_curve.png"))
    lcurve.set_defaults(run=lambda args: plot_lcurve(args.file, args.output))
    parity = commands.add_parser("parity", help="prediction against reference")
    parity.add_argument("prefixes", nargs="+", help="prefixes given to dp test -d; training first, then validation")
    parity.add_argument("-o", "--output", type=Path, default=Path("parity.png"))
    parity.set_defaults(run=lambda args: plot_parity(args.prefixes, args.output))
    table = commands.add_parser("table", help="table of errors")
    table.add_argument("prefixes", nargs="+", help="prefixes given to dp test -d")
    table.set_defaults(run=lambda args: print_table(args.prefixes))
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
