"""Intervals by bootstrap over sources: answers to one text stand and fall together, so they are drawn together."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from groundwire.agreement.figures import Indices, Interval

DRAWS = 200
SEED = 20_260_101


def resamples(sources: Sequence[str], draws: int = DRAWS, seed: int = SEED) -> Iterator[Indices]:
    """Row indices of each draw: as many sources as there are, with repeats, and all rows of each.

    Equal arguments give equal draws; nothing is drawn from fewer than two sources.
    """
    groups: dict[str, list[int]] = {}
    for i, s in enumerate(sources):
        groups.setdefault(s, []).append(i)
    if len(groups) < 2:
        return
    members = [np.asarray(g) for g in groups.values()]
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        chosen = rng.integers(len(members), size=len(members))
        yield np.concatenate([members[k] for k in chosen])


def bootstrap_intervals(
    figures: Callable[[Indices], Mapping[str, float | None]],
    sources: Sequence[str],
    draws: int = DRAWS,
    seed: int = SEED,
) -> dict[str, Interval | None]:
    """The middle 95 % of several figures over the same resamples of whole sources (percentile bootstrap).

    Args:
        figures: From row indices (with repeats) to figures by name, each None where it is not defined for them.
        sources: The source of each row.
        draws: Number of resamples.
        seed: Of the generator: equal seeds give equal intervals.

    Returns:
        By name (low, high), or None with fewer than half of the draws defined. Empty with fewer than two sources.
    """
    drawn: dict[str, list[float]] = {}
    for indices in resamples(sources, draws, seed):
        for name, value in figures(indices).items():
            kept = drawn.setdefault(name, [])
            if value is not None:
                kept.append(value)
    return {name: middle(values) if len(values) * 2 >= draws else None for name, values in drawn.items()}


def bootstrap_interval(
    figure: Callable[[Indices], float | None], sources: Sequence[str], draws: int = DRAWS, seed: int = SEED
) -> Interval | None:
    """`bootstrap_intervals` of one figure; None with fewer than two sources or fewer than half of the draws defined."""
    return bootstrap_intervals(lambda indices: {"": figure(indices)}, sources, draws, seed).get("")


def middle(values: Sequence[float]) -> Interval:
    """The 2.5 % and the 97.5 % quantile of at least one value."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
