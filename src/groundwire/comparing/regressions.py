"""The questions that became worst, with what changed in the evidence: sentences that lost support, passages gone."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from groundwire.answers import Answer
from groundwire.checks import Check
from groundwire.comparing.comparison import Comparison
from groundwire.comparing.pairing import mean
from groundwire.model import Passage
from groundwire.prompt import words

Change: TypeAlias = Literal["lost", "new", "still"]
"""Of an unsupported sentence: the base says about the same, supported (`lost`) or not (`still`), or neither (`new`)."""
_ALIKE = 0.6
"""Share of words in common from which two sentences are taken for the same statement."""
_COMPARED = 60
"""Sentences of one answer that are matched with those of the other."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A judged sentence of an answer."""

    text: str
    verdict: str
    """Empty where the verdict is not one of ours."""
    passage: str = ""
    """`passage` and the id, else the place, of the passage that bears on it best; empty where none is named."""

    @property
    def unsupported(self) -> bool:
        """Whether nothing supports it."""
        return self.verdict in ("unsupported", "contradicted")


@dataclass(frozen=True, slots=True)
class ChangedSentence:
    """An unsupported sentence of the candidate beside what the base had in its place."""

    change: Change
    after: Sentence
    before: Sentence | None = None
    """None: the base says nothing of the kind."""


@dataclass(frozen=True, slots=True)
class Regression:
    """One question whose score fell."""

    key: str
    question: str
    measure: str
    means: tuple[float, float]
    """Over all answers to it in each run."""
    repeats: tuple[int, int]
    """How many answers those are."""
    base: Answer
    """Of several answers the best."""
    candidate: Answer
    """Of several the worst."""
    sentences: tuple[tuple[Sentence, ...], tuple[Sentence, ...]]
    """As judged, of both answers; empty where no evidence is stored."""
    changed: tuple[ChangedSentence, ...]
    passages_gone: tuple[Passage, ...]
    """In the prompt of the base's answer alone."""
    passages_come: tuple[Passage, ...]

    @property
    def drop(self) -> float:
        """By how much the mean fell; positive."""
        return self.means[0] - self.means[1]

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {
            "question": self.question, "key": self.key, "measure": self.measure,
            "base": _side(self.base, self.means[0]),
            "candidate": _side(self.candidate, self.means[1]), "drop": self.drop,
            "changed": [
                {"change": c.change, "sentence": c.after.text, "before": c.before.text if c.before else None}
                for c in self.changed
            ],
            "passages_gone": [{"id": p.id, "text": p.text} for p in self.passages_gone],
            "passages_come": [{"id": p.id, "text": p.text} for p in self.passages_come],
        }  # fmt: skip


def _side(answer: Answer, value: float) -> dict[str, Any]:
    return {
        "mean": value, "answer": answer.chain.answer, "trace_id": answer.chain.trace_id, "span_id": answer.chain.span_id
    }  # fmt: skip


def regressions(comparison: Comparison, name: str, most: int = 3) -> list[Regression]:
    """The paired questions whose score by this evaluator fell most, worst first; none where nothing is paired."""
    if not comparison.paired or name in comparison.refused:
        return []
    found: list[tuple[float, str, _Answers, _Answers]] = []
    for key in comparison.pairing.paired:
        before = [(v, a) for a in comparison.pairing.base[key].answers if (v := a.score(name)) is not None]
        after = [(v, a) for a in comparison.pairing.candidate[key].answers if (v := a.score(name)) is not None]
        means = (mean(v for v, _ in before), mean(v for v, _ in after))
        if means[0] is not None and means[1] is not None and means[0] - means[1] > 1e-9:
            found.append((means[1] - means[0], key, before, after))
    found.sort(key=lambda entry: (entry[0], entry[1]))
    return [_regression(key, name, before, after) for _, key, before, after in found[:most]]


_Answers: TypeAlias = Sequence[tuple[float, Answer]]


def _regression(key: str, name: str, first: _Answers, second: _Answers) -> Regression:
    base, candidate = max(first, key=lambda e: e[0])[1], min(second, key=lambda e: e[0])[1]
    means = (mean(v for v, _ in first) or 0.0, mean(v for v, _ in second) or 0.0)
    before, after = _sentences(base, name), _sentences(candidate, name)
    held = [{words(p.text): p for p in answer.chain.context} for answer in (base, candidate)]
    return Regression(
        key, base.question or key, name, means, (len(first), len(second)), base, candidate, (before, after),
        _changed(before, after),
        tuple(p for text, p in held[0].items() if text not in held[1]),
        tuple(p for text, p in held[1].items() if text not in held[0]),
    )  # fmt: skip


def _sentences(answer: Answer, name: str) -> tuple[Sentence, ...]:
    check: Check | None = answer.checks.get(name)
    found: list[Sentence] = []
    for entry in () if check is None else check.evidence:
        verdict = entry.get("verdict")
        if verdict not in ("supported", "unsupported", "contradicted", "not_checkable"):
            continue  # about a passage
        text = _text(entry, answer.chain.answer)
        if text:
            found.append(Sentence(text, str(verdict), _passage(entry, answer.chain.passages)))
    return tuple(found)


def _text(entry: Mapping[str, Any], answer: str) -> str:
    """As quoted, or cut out of the answer where only offsets were allowed to leave the process."""
    text, start, end = entry.get("text"), entry.get("start"), entry.get("end")
    if isinstance(text, str):
        return text.strip()
    if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(answer):
        return answer[start:end].strip()
    return ""


def _passage(entry: Mapping[str, Any], passages: Sequence[Passage]) -> str:
    place = entry.get("passage")
    if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < len(passages):
        return ""
    return f"passage {passages[place].id or place + 1}"


def _changed(before: Sequence[Sentence], after: Sequence[Sentence]) -> tuple[ChangedSentence, ...]:
    """What became unsupported, first those whose statement was supported before."""
    found: list[ChangedSentence] = []
    for sentence in after:
        if sentence.unsupported:
            twin = _twin(sentence, before)
            change: Change = "new" if twin is None else "still" if twin.unsupported else "lost"
            found.append(ChangedSentence(change, sentence, twin))
    order: tuple[Change, ...] = ("lost", "new", "still")
    return tuple(sorted(found, key=lambda c: order.index(c.change)))


def _twin(sentence: Sentence, others: Sequence[Sentence]) -> Sentence | None:
    """The sentence that says about the same; None where none does."""
    mine = words(sentence.text).split()[:200]
    best, closeness = None, _ALIKE
    for other in others[:_COMPARED]:
        likeness = difflib.SequenceMatcher(None, mine, words(other.text).split()[:200], autojunk=False).ratio()
        if likeness >= closeness:
            best, closeness = other, likeness
    return best
