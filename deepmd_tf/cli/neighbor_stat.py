"""``dp neighbor-stat``: the smallest distance and the numbers of neighbours in the data, to choose ``sel`` from."""

from __future__ import annotations

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.stat.neighbor import neighbor_statistics

NAME = "neighbor-stat"
HELP = "print the smallest distance and the largest numbers of neighbours in the data"
EXAMPLES = ("dp neighbor-stat -s data -r 6.0 -t O H",)


def arguments(parser) -> None:
    """Declare the options."""
    parser.add_argument("-s", "--system", default=".", help="folder or HDF5 file, searched for systems (default: .)")
    parser.add_argument("-r", "--rcut", type=float, required=True, help="cutoff in Å")
    parser.add_argument("-t", "--type-map", nargs="+", help="names of the types (default: as in the data)")
    parser.add_argument(
        "--mixed-type", "--one-type", action="store_true", help="count the neighbours of all types together"
    )


def run(args) -> None:
    """Print the statistics."""
    data = DataSet.open(args.system, type_map=args.type_map, batch_size=1)
    found = neighbor_statistics(data.systems, args.rcut, data.ntypes, mixed=args.mixed_type)
    print(f"min_nbor_dist: {found.min_distance:f}")
    print(f"max_nbor_size: [{' '.join(map(str, found.max_neighbors))}]")
    for entry, place in enumerate(found.worst):
        if place is not None:
            print(f"    {_name(entry, args.mixed_type, data.type_map)}: {found.max_neighbors[entry]} in {place}")


def _name(entry: int, mixed: bool, type_map: tuple[str, ...] | None) -> str:
    if mixed:
        return "all types"
    return f"type {type_map[entry] if type_map else entry}"
