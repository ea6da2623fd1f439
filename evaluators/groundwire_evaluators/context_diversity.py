"""Context diversity: how much of the prompt's passages is not said twice?"""

from dataclasses import dataclass

from groundwire.model import Evidence, RagChain, Score, Skipped
from groundwire_evaluators.tokens import TOKEN, writes_without_spaces

_RUN = 5
"""Words that make a run: long enough that two texts which share one have copied it."""


@dataclass(frozen=True, slots=True)
class ContextDiversity:
    """Share, in [0, 1], of the passages' runs of five words that no earlier passage in the prompt holds.

        value = distinct runs, summed over the passages, that are new where they stand / distinct runs of each, summed

    1 where no passage repeats another; near 1/n where n passages are the same. Overlapping chunks and the same page
    retrieved twice show here: prompt tokens that bring nothing. `repeated` in the details counts the passages of which
    at least half has been said before; each is evidence, `unused`, with the share of it that is new as its probability.
    A passage of fewer than five words counts as one run.

    Labels: `distinct`, or `repetitive` where some passage is repeated. Skipped: `no_passages`, `one_passage`,
    `language`.

    Source: w-shingling (Broder 1997).

    >>> from groundwire.model import Passage, RagChain
    >>> a, b = Passage("one two three four five six"), Passage("zero one two three four five")
    >>> ContextDiversity().evaluate(RagChain(None, (a, b), "x")).value  # of 2 + 2 runs, one is repeated
    0.75
    """

    name: str = "context_diversity"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain, in time linear in its text."""
        places = [i for i, p in enumerate(chain.passages) if p.in_prompt and p.text.strip()]
        if not places:
            return Skipped("no_passages")
        if len(places) < 2:
            return Skipped("one_passage", "nothing that it could repeat")
        if writes_without_spaces(" ".join(chain.passages[i].text[:1000] for i in places[:20])):
            return Skipped("language", "words are not separated by spaces")
        seen: set[tuple[str, ...]] = set()
        total = fresh = 0
        evidence: list[Evidence] = []
        for i in places:
            text = chain.passages[i].text
            runs = _runs(text)
            new = len(runs - seen)
            seen |= runs
            total, fresh = total + len(runs), fresh + new
            if 2 * new <= len(runs):
                evidence.append(Evidence(text, 0, len(text), "unused", new / len(runs), i))
        ranks = ", ".join(str((e.passage or 0) + 1) for e in evidence)
        explanation = f"{100 * fresh / total:.0f}% of the passages' text is new" + (
            f"; passages that mostly repeat earlier ones: {ranks}" if evidence else ""
        )
        details = {"repeated": float(len(evidence)), "passages": float(len(places))}
        label = "repetitive" if evidence else "distinct"
        return Score(fresh / total, label, explanation, tuple(evidence), details)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = [w.lower() for w in TOKEN.findall(text)] or [text.strip()]
    return {tuple(words[i : i + _RUN]) for i in range(max(1, len(words) - _RUN + 1))}
