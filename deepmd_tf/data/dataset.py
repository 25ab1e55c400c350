"""All systems of a run, and the batch of each step."""

from __future__ import annotations

import logging
import math
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from deepmd_tf import keys
from deepmd_tf.data.batch import Batch, merge
from deepmd_tf.data.cache import ArrayCache
from deepmd_tf.data.find import find_systems
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.data.rules import BatchRule, probabilities
from deepmd_tf.data.sampler import Draw, Sampler, SetPlan, batches_per_epoch
from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError, DataError

log = logging.getLogger(__name__)

# Opening waits for the disk, a shared one for its network: threads overlap the waits.
_OPENERS = 8


class DataSet:
    """Systems, their probabilities and the batches drawn from them; made by :meth:`open`.

    Attributes
    ----------
    systems : tuple of System
    type_map : tuple of str or None
        The model's names of types; where none was given the longest one of the data.
    ntypes : int
    batch_sizes : int64 [nsystems]
        Frames per draw of each system; a batch is one draw, or N of them under the rule "mixed:N".
    draws : int
        Draws that are merged into a batch.
    nbatches : int64 [nsystems]
        Batches of each system in one pass over it; a frame with ``numb_copy`` counts as often as it is copied.
    probabilities : float64 [nsystems]
        Of each system to give the next batch.
    seed : int
        Key of the random numbers; drawn from the operating system where none was given.
    mixed, pbc : bool
        Whether a batch may hold frames of several compositions; whether all systems are periodic.
    """

    def __init__(self, systems, type_map, ntypes, requirements, rule, auto_prob, sys_probs, seed, rank=0, ranks=1):
        self.systems: tuple[System, ...] = tuple(systems)
        self.type_map = type_map
        self.ntypes = ntypes
        self.requirements: tuple[DataRequirement, ...] = tuple(requirements)
        self.seed = secrets.randbits(32) if seed is None else int(seed) % 2**32
        self.rank, self.ranks = rank, ranks
        self.mixed = rule.kind == "mixed" or any(s.mixed for s in self.systems)
        self.pbc = all(s.pbc for s in self.systems)
        self.batch_sizes = rule.sizes([s.natoms for s in self.systems])
        self.draws = rule.value if rule.kind == "mixed" else 1
        plans = [_plan(s) for s in self.systems]
        if rule.kind == "mixed":
            self._check_mergeable()
        elif rule.kind in ("fixed", "list"):
            self._report_small_sets(plans)
        self.nbatches = batches_per_epoch(plans, self.batch_sizes)
        self.probabilities = probabilities(self.nbatches, auto_prob, sys_probs)
        self._sampler = Sampler(plans, self.batch_sizes, self.probabilities, self.seed)

    @classmethod
    def open(
        cls,
        systems: str | Sequence[str],
        *,
        type_map: Sequence[str] | None = None,
        requirements: Sequence[DataRequirement] = (),
        batch_size: int | str | Sequence[int] = "auto",
        auto_prob: str = "prob_sys_size",
        sys_probs: Sequence[float] | None = None,
        rglob_patterns: Sequence[str] | None = None,
        seed: int | None = None,
        rank: int = 0,
        ranks: int = 1,
    ) -> DataSet:
        """Find and open the systems.

        Parameters
        ----------
        systems, rglob_patterns
            See :func:`deepmd_tf.data.find.find_systems`.
        type_map : list of str, optional
            The model's names of types.
        requirements : sequence of DataRequirement
            Labels and parameters that each batch brings.
        batch_size : int, list or str
            Frames per batch; or "auto:N" for at least N atoms in a batch ("auto" means 32), "max:N" for at most N,
            "filter:N" as max and without larger systems, "mixed:N" for N frames merged from any systems.
        auto_prob, sys_probs
            See :func:`deepmd_tf.data.rules.probabilities`.
        seed : int, optional
            Fixes every batch.
        rank, ranks : int
            Number of this process and of all that train together: each takes every ``ranks``-th draw of one plan.

        Raises
        ------
        DataError, ConfigError
            A fault of the data, or of a key.
        """
        rule = BatchRule.parse(batch_size)
        paths = find_systems(systems, rglob_patterns)
        cache = ArrayCache()
        with ThreadPoolExecutor(_OPENERS) as pool:
            opened = list(pool.map(lambda path: System.open(path, type_map, cache), paths))
        kept = _filtered(opened, rule)
        names, ntypes = _types_of_all(kept, type_map)
        _check_requirements(kept, requirements)
        return cls(kept, names, ntypes, requirements, rule, auto_prob, sys_probs, seed, rank, ranks)

    def batch(self, step: int) -> Batch:
        """The batch of a step: a pure function of the data, seed, ranks and step; safe to call from threads."""
        number = step * self.ranks + self.rank
        if self.draws == 1:
            return self._load(self._sampler.draw(number), self.requirements)
        draws = [self._sampler.draw(number * self.draws + i) for i in range(self.draws)]
        atomic = {keys.COORD, keys.TYPE, *(r.key for r in self.requirements if r.atomic)}
        return merge([self._load(draw, self.requirements) for draw in draws], atomic)

    def sample(self, nbatch: int, labels: Sequence[str] | None = None) -> Iterator[tuple[System, Batch]]:
        """Frames for statistics: of each system the frames of its first ``nbatch`` batches, one batch per set.

        A system with fewer batches gives each of its frames at most once.

        Parameters
        ----------
        nbatch : int
            Batches per system.
        labels : sequence of str, optional
            The labels to load; all that are required if left out.
        """
        wanted = [r for r in self.requirements if labels is None or r.key in labels]
        for index, system in enumerate(self.systems):
            count = min(nbatch, max(1, int(self.nbatches[index]) // self.draws)) * self.draws
            draws = [self._sampler.batch(index, i) for i in range(min(count, int(self.nbatches[index])))]
            for set_index in sorted({draw.set_index for draw in draws}):
                frames = np.concatenate([draw.frames for draw in draws if draw.set_index == set_index])
                yield system, self._load(Draw(index, set_index, frames), wanted)

    def frames_per_batch(self) -> np.ndarray:
        """Frames of a batch that begins with a draw of each system, int64 [nsystems]."""
        return self.batch_sizes * self.draws

    def atoms_per_batch(self) -> float:
        """Expected number of atoms, of all frames together."""
        sizes = [size * system.natoms for size, system in zip(self.frames_per_batch(), self.systems)]
        return float(np.dot(self.probabilities, sizes))

    def steps_per_epoch(self) -> int:
        """Steps after which each system has given, on average, all its batches at least once."""
        possible = self.probabilities > 0
        steps = np.ceil(self.nbatches[possible] / self.probabilities[possible]).max()
        return math.ceil(steps / self.draws)

    def _load(self, draw: Draw, requirements: Sequence[DataRequirement]) -> Batch:
        system = self.systems[draw.system]
        arrays = system.load(draw.set_index, draw.frames, requirements)
        arrays[keys.NATOMS] = system.natoms_vec(self.ntypes)
        arrays[keys.MESH] = np.zeros(6 * system.pbc + system.mixed, np.int32)
        return Batch(arrays, draw.system, draw.set_index, draw.frames)

    def _report_small_sets(self, plans: list) -> None:
        smallest = np.array([min(plan.size for plan in sets) for sets in plans])
        small = np.flatnonzero(smallest < self.batch_sizes)
        if small.size:
            log.warning(
                "%d of %d systems have a set smaller than the batch size, which then gives a smaller batch; first %s: "
                "batch size %d, set of %d frames",
                small.size, len(plans), self.systems[small[0]].path, self.batch_sizes[small[0]], smallest[small[0]],
            )  # fmt: skip

    def _check_mergeable(self) -> None:
        """What only all systems together can show: one set of labels."""
        first = None
        for system in self.systems:
            for set_index in range(len(system.sets)):
                kind = (system.pbc, *(r.key for r in self.requirements if system.has(set_index, r.key)))
                first = first or (kind, system.path)
                if kind != first[0]:
                    raise DataError(
                        f"{first[1]} and {system.path}: batch_size 'mixed:N' merges their frames, but one is "
                        f"{_kind(first[0])}, the other {_kind(kind)}"
                    )


def _kind(kind: tuple) -> str:
    return f"{'periodic' if kind[0] else 'not periodic'} with {', '.join(kind[1:]) or 'no labels'}"


def _plan(system: System) -> list[SetPlan]:
    return [SetPlan(s.nframes, system.numb_copy(i)) for i, s in enumerate(system.sets)]


def _filtered(systems: list[System], rule: BatchRule) -> list[System]:
    kept = [s for s in systems if rule.keeps(s.natoms)]
    dropped = len(systems) - len(kept)
    if not kept:
        smallest = min(s.natoms for s in systems)
        raise ConfigError(f"batch_size: 'filter:{rule.value}' drops all systems, the smallest has {smallest} atoms")
    if dropped:
        log.info("batch_size 'filter:%s': %d of %d systems dropped", rule.value, dropped, len(systems))
    return kept


def _types_of_all(systems: list[System], type_map: Sequence[str] | None) -> tuple[tuple[str, ...] | None, int]:
    """The names of types and their number; without names of the model those of the data have to agree."""
    if type_map is not None:
        twice = [name for name, times in Counter(type_map).items() if times > 1]
        if twice:
            raise ConfigError(f"type_map: expected each name once, found {', '.join(map(repr, twice))} more than once")
        return tuple(type_map), len(type_map)
    longest = max((s for s in systems if s.type_map is not None), key=lambda s: len(s.type_map), default=None)
    used = max(int(s.atom_types.max()) + 1 for s in systems)
    if longest is None:
        return None, used
    for s in systems:
        if s.type_map is not None and s.type_map != longest.type_map[: len(s.type_map)]:
            raise DataError(
                f"{s.path}/type_map.raw: {list(s.type_map)} is no beginning of {list(longest.type_map)}, "
                f"the type_map.raw of {longest.path}",
                "Give model/type_map: types are then renumbered by name.",
            )
    return longest.type_map, max(used, len(longest.type_map))


def _check_requirements(systems: list[System], requirements: Sequence[DataRequirement]) -> None:
    for want in requirements:
        if want.must:
            for system in systems:
                for set_index in range(len(system.sets)):
                    if not system.has(set_index, want.key):
                        raise system.missing(set_index, want.key)
