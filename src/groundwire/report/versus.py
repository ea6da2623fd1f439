"""A run beside the one before it: the comparison's figures, and for each answer what the base had in its place."""

from collections.abc import Mapping
from typing import Any

from groundwire.answers import Answer
from groundwire.comparing import Comparison, Regression, regressions
from groundwire.comparing.pairing import Group, mean
from groundwire.report.content import content
from groundwire.report.entry import Entry
from groundwire.report.shown import line

_WORST = 8
_TOLD = 200
"""Questions without a partner that are named."""


def key_of(answer: Answer) -> tuple[str, str]:
    """(trace id, span id) of an answer."""
    return answer.span.trace_id, answer.span.span_id


class Versus:
    """What the base had in the place of each answer of the candidate.

    Args:
        comparison: of the two runs.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        pairing = comparison.pairing
        paired = pairing.paired if comparison.paired else ()
        self._base: Mapping[tuple[str, str], Group] = {
            key_of(answer): pairing.base[key] for key in paired for answer in pairing.candidate[key].answers
        }

    def before(self, entry: Entry, name: str) -> float | None:
        """The base's mean score of the same question; None where nothing pairs, or scores do not compare."""
        group = self._base.get(key_of(entry.answer))
        if group is None or name in self.comparison.refused:
            return None
        return mean(value for a in group.answers if (value := a.score(name)) is not None)

    def content(self, entry: Entry) -> dict[str, Any] | None:
        """The base's answer to the same question, its first where it has several."""
        group = self._base.get(key_of(entry.answer))
        if group is None:
            return None
        first = Entry(group.answers[0])
        whole = content(first)
        return {
            "answer": whole["answer"],
            "checks": whole["checks"],
            "model": line(first.answer.chain.model, 80) if first.answer.chain.model else None,
            "ms": first.answer.duration_ms,
            "usd": first.cost_usd,
            "repeats": len(group.answers),
        }

    def figures(self) -> dict[str, Any]:
        """The comparison, ready for JSON."""
        comparison, pairing = self.comparison, self.comparison.pairing
        alone = {
            "only_base": [pairing.base[k].title for k in pairing.only_base],
            "only_candidate": [pairing.candidate[k].title for k in pairing.only_candidate],
        }
        scores = [d.name for d in comparison.differences if d.unit == "score" and min(d.n)]
        told = comparison.as_json()
        return {
            "base": line(comparison.base.name, 200),
            "candidate": line(comparison.candidate.name, 200),
            "by": line(pairing.by, 80),
            "paired": comparison.paired,
            "pairs": len(pairing.paired),
            "alpha": comparison.alpha,
            "min_n": comparison.min_n,
            "answers": [len(comparison.base.answers), len(comparison.candidate.answers)],
            "without_key": list(pairing.without_key),
            "alone": {side: [len(names), [line(n, 160) for n in names[:_TOLD]]] for side, names in alone.items()},
            "differences": told["differences"],
            "refused": [[line(name, 80), line(why, 300)] for name, why in comparison.refused.items()],
            "unversioned": [line(name, 80) for name in comparison.unversioned],
            "slices": [
                {"attribute": line(attribute, 80), "values": [{**v, "value": line(v["value"], 80)} for v in values]}
                for attribute, values in told["slices"].items()
            ],
            "worst": [self._regression(one) for name in scores[:1] for one in regressions(comparison, name, _WORST)],
        }

    @staticmethod
    def _regression(one: Regression) -> dict[str, Any]:
        return {
            "key": Entry(one.candidate).key,
            "question": line(one.question, 240),
            "measure": line(one.measure, 80),
            "means": list(one.means),
            "changed": [[c.change, line(c.after.text, 300)] for c in one.changed[:4] if c.change != "still"],
            "gone": [line(p.id or p.text, 80) for p in one.passages_gone[:8]],
            "come": [line(p.id or p.text, 80) for p in one.passages_come[:8]],
        }
