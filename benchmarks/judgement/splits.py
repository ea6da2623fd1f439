"""Which rows the shipped weights have not seen: the only ones that a figure may come from.

Sources, not rows, are held out: a source is an article, table, knowledge text or conversation (`Labelled.source`).
Of a set that weights were fitted on, a fifth of the sources is kept for measuring; other sets are measured whole.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Literal, TypeAlias

from groundwire.labelled import Labelled

TRAINED_ON = frozenset(
    {
        "faithfulness-ragtruth", "data2text-quintd", "data2text-d2t-eval", "data2text-nba", "summaries-summedits",
        "summaries-xsum-spans", "claims-factcg", "claims-fm2", "claims-falke", "claims-scifact", "claims-infotabs",
        "dialogue-begin", "dialogue-begin-v1", "dialogue-q2", "dialogue-dialfact", "dialogue-faithdial-audit",
        "relevance-qnli", "relevance-squad2", "relevance-clapnq", "relevance-ares-synthetic",
    }
)  # fmt: skip
"""Sets whose other four fifths may be fitted on."""

_OF_ONE_EVALUATOR = ("faithfulness", "context_relevance", "answer_relevance")
Split: TypeAlias = Literal["dev", "all", "seen"]
"""`dev`: the held-out fifth; `all`: the set was never fitted on; `seen`: weights have seen the rows, or may have."""


def is_dev(source: str) -> bool:
    """Whether a source is held out of fitting: a fifth of all, told by a hash."""
    return int(sha256(("groundwire-dev-1:" + source).encode()).hexdigest(), 16) % 5 == 0


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a set that figures are taken from."""

    rows: tuple[Labelled, ...]
    split: Split
    why: str = ""
    """For `seen`: what says so."""


def unseen(name: str, rows: Sequence[Labelled], fitted: Mapping[str, int]) -> Part:
    """The rows to measure on.

    Args:
        name: Of the set, as its file without `.jsonl.gz`.
        rows: All rows of the set.
        fitted: Rows by set that the weights were fitted on, from `fitted_rows`. Where they are more than the part
            that may be fitted on, the held-out rows cannot have been left out, and the part is `seen`.
    """
    held_out = tuple(r for r in rows if is_dev(r.source))
    used = fitted.get(name, 0)
    trained = name in TRAINED_ON
    may_be_fitted = len(rows) - len(held_out) if trained else 0
    part = held_out if trained else tuple(rows)
    if used > may_be_fitted:
        return Part(part, "seen", f"weights say they were fitted on {used} of its {len(rows)} rows")
    return Part(part, "dev" if trained else "all")


def fitted_rows(evaluator: str) -> dict[str, int]:
    """Set to number of rows, as the weights of an evaluator say in their `provenance.rows`.

    Weights that are not named after one evaluator count for all.
    """
    found: dict[str, int] = {}
    for file in resources.files("groundwire_evaluators").joinpath("weights").iterdir():
        stem = file.name.split(".")[0]
        if not file.name.endswith(".json") or (stem in _OF_ONE_EVALUATOR and stem != evaluator):
            continue
        stored = json.loads(file.read_text("utf-8"))
        rows = stored.get("provenance", {}).get("rows", {}) if isinstance(stored, dict) else {}
        for name, number in rows.items() if isinstance(rows, dict) else ():
            found[name] = max(found.get(name, 0), int(number))
    return found
