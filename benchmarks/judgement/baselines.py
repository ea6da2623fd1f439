"""What a figure has to beat: two one-line measures of word overlap, and a judge that does not see the passages."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import log

import numpy as np

from groundwire.agreement import auc
from groundwire.labelled import Labelled
from groundwire.model import Evidence, Flaw, RagChain, Score, Skipped

_WORD = re.compile(r"\w+")
_STOP = frozenset(
    _WORD.findall(
        "a about after all also an and any are as at be been before being between both but by can could did do does "
        "each for from had has have he her him his how i if in into is it its just like may me more most my no not of "
        "on only or other our out over she should so some such than that the their them then there these they this "
        "those to under up very was we were what when where which while who whom why will with would you your"
    )
)
_FOLDS = 5


def _words(text: str) -> set[str]:
    return {w.lower() for w in _WORD.findall(text)}


def _content(text: str) -> set[str]:
    return _words(text) - _STOP


@dataclass(frozen=True, slots=True)
class Overlap:
    """Share of the answer's content words that the passages hold; of the question's, where there is no answer.

    The words that they do not hold are its spans. For a question the best passage counts.
    """

    name: str = "faithfulness"
    version: str = "overlap"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        texts = [p.text for p in chain.context]
        if self.name != "faithfulness":
            asked = _content(chain.question or "")
            best = max((len(asked & _content(t)) / len(asked) for t in texts), default=None) if asked else None
            return Skipped("no_content") if best is None else Score(best, "overlap")
        known, said = _content(" ".join(texts)), _content(chain.answer)
        if not said:
            return Skipped("no_content")
        flaws = tuple(
            Flaw(m.start(), m.end(), "words") for m in _WORD.finditer(chain.answer)
            if m.group().lower() not in known and m.group().lower() not in _STOP
        )  # fmt: skip
        share = len(said & known) / len(said)
        verdict = "unsupported" if flaws else "supported"
        return Score(
            share, "overlap", evidence=(Evidence(chain.answer, 0, len(chain.answer), verdict, share, flaws=flaws),)
        )


@dataclass(frozen=True, slots=True)
class Novelty:
    """One less the share of all running words of the answer (question) that no passage holds."""

    name: str = "faithfulness"
    version: str = "novelty"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        said = chain.answer if self.name == "faithfulness" else chain.question or ""
        words = [w.lower() for w in _WORD.findall(said)]
        known = _words(" ".join(p.text for p in chain.context))
        return Score(sum(w in known for w in words) / len(words), "novelty") if words else Skipped("no_content")


def blind_auc(rows: Sequence[Labelled], good: Sequence[bool]) -> float | None:
    """AUC of naive Bayes over the words of the answer (question) alone, in five folds by source.

    It learns on the set itself, which no evaluator here does: how far labels leak without any passage. None where a
    set has one label alone.
    """
    folds = [int(sha256(r.source.encode("utf-8", "replace")).hexdigest(), 16) % _FOLDS for r in rows]
    bags = [_words(r.answer or r.question or "") for r in rows]
    values = np.zeros(len(rows))
    for fold in range(_FOLDS):
        counts = {True: Counter[str](), False: Counter[str]()}
        sizes = Counter[bool]()
        for bag, label, f in zip(bags, good, folds, strict=True):
            if f != fold:
                counts[bool(label)].update(bag)
                sizes[bool(label)] += 1
        for i, f in enumerate(folds):
            if f == fold:
                values[i] = sum(
                    log((counts[True][w] + 1) / (sizes[True] + 2)) - log((counts[False][w] + 1) / (sizes[False] + 2))
                    for w in bags[i]
                )
    return auc(values, np.asarray(good, bool))


def best_f1_threshold(values: Sequence[float], good: Sequence[bool]) -> float:
    """The threshold under which flagging gives the best F1 of the bad rows: for a baseline that has none of its own."""
    v, y = np.asarray(values, float), np.asarray(good, bool)
    order = np.argsort(v, kind="stable")
    v, bad = v[order], ~y[order]
    caught, flagged = np.cumsum(bad), np.arange(1, len(v) + 1)
    f1 = 2 * caught / (flagged + bad.sum())
    f1[:-1][v[:-1] == v[1:]] = -1  # a threshold cannot part equal values
    at = int(f1.argmax())
    return float((v[at] + v[at + 1]) / 2) if at + 1 < len(v) else 1.0
