"""`Judge`: a model says of every sentence whether the passages support it, and must show where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TypeAlias, cast

from groundwire.errors import ConfigurationError, JudgeError
from groundwire.judge.case import Case
from groundwire.judge.client import ask
from groundwire.judge.connection import Connection
from groundwire.judge.exchange import Ask
from groundwire.judge.together import Outcome, at_once
from groundwire.judge.verdicts import read_rows
from groundwire.model import Evidence, RagChain, Score, Skipped

Split: TypeAlias = Callable[[str], Sequence[tuple[int, int]]]
"""A text -> its sentences, as (first character, one past the last)."""

_QUOTED_SENTENCES = 3
_QUOTED_LENGTH = 120
_BECAUSE = {
    "quote": "what the judge quoted does not bear it out",
    "not_checkable": "it names what no passage names",
}


@dataclass(frozen=True, slots=True)
class Judge(Connection):
    """A model as judge of faithfulness: one call an answer, with quotes that are checked.

    The answer is split into sentences here; the model gives each a verdict and quotes the words of a passage that
    decide it. The quote must be in a passage, white space and typography aside; that of a `supported` must share a word
    or a number with its sentence as well. Without such a quote a `supported` or `contradicted` counts as `unsupported`,
    whatever the model says or was talked into. So does a `not_checkable` sentence that brings in a number or a name
    which neither passages nor question have. A sentence that is left without a verdict has no evidence, and counts as
    not supported.

    Value: supported sentences over checkable ones, in [0, 1]; not a probability. `unfaithful` where it is below the
    threshold; otherwise `partly` where some sentence is not supported, else `faithful`. The model's reasons are not
    kept: they are made to look before judging, and may repeat what they were told to.

    Skipped: `empty_answer`, `no_passages`, `refusal`, `nothing_checkable`, `budget`, `judge_refused`, `too_long`.

    Raises (`evaluate`):
        JudgeError: the judge could not be asked, or gave no verdict at all.

    Args:
        threshold: values below it are `unfaithful`. A convention, fitted to nothing.
        bearing: whether a quote must share a word with its sentence; turn it off for answers in another language than
            their passages.
        split: sentences of a text; by default those of the local evaluators, so that verdicts compare.
        others: see `groundwire.judge.connection.Connection`.
    """

    model: str
    name: str = "faithfulness"
    threshold: float = 0.8
    bearing: bool = True
    split: Split | None = None

    def __post_init__(self) -> None:
        Connection.__post_init__(self)
        if not 0.0 <= self.threshold <= 1.0:
            raise ConfigurationError(f"threshold must be in [0, 1], got {self.threshold!r}")

    @property
    def version(self) -> str:
        """Verdicts of different models do not compare."""
        return f"judge-1:{self.model}"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain, with one call, or two where the first reply could not be used."""
        case = self._case(chain)
        if isinstance(case, Skipped):
            return case
        question, spans = case.question(), case.spans
        replies = ask(
            self, question, lambda texts: ((r := read_rows(texts, len(spans))), r.problem),
            lambda reading, problem: case.again(question, reading.open, problem),
        )  # fmt: skip
        if isinstance(replies, Skipped):
            return replies
        if not replies.value.rows:
            raise JudgeError(f"{self.model} gave no verdict that can be used: {replies.problem}")
        evidence = case.evidence(replies.value.rows)
        judged = score(evidence, len(spans), self.threshold)
        if isinstance(judged, Skipped):
            return judged
        return replace(judged, model=self.model, usage=replies.usage, cost_usd=replies.cost_usd)

    def evaluate_many(self, chains: Sequence[RagChain], /) -> list[Outcome]:
        """Judge some chains, as many at a time as `concurrency` allows."""
        return at_once([partial(self.evaluate, chain) for chain in chains], self.concurrency)

    def question(self, chain: RagChain) -> Ask | None:
        """What the model is asked first about a chain; None where it is not asked."""
        case = self._case(chain)
        return None if isinstance(case, Skipped) else case.question()

    def _case(self, chain: RagChain) -> Case | Skipped:
        if not chain.answer.strip():
            return Skipped("empty_answer")
        if chain.refused:
            return Skipped("refusal", "marked by the provider")
        places = [i for i, p in enumerate(chain.passages) if p.in_prompt and p.text.strip()]
        if not places:
            return Skipped("no_passages")
        spans = list((self.split or _installed_split())(chain.answer))
        if not spans:
            return Skipped("nothing_checkable")
        return Case(chain, tuple(places), tuple(spans), self.bearing)


@lru_cache(maxsize=1)
def _installed_split() -> Split:
    """The splitter that evaluators have registered: the core knows no metric, and no language."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="groundwire.sentences"):
        return cast(Split, entry.load())
    raise ConfigurationError("no evaluators are installed that split sentences: give split=")


def score(evidence: tuple[Evidence, ...], sentences: int, threshold: float) -> Score | Skipped:
    """A score out of verdicts: value, label and explanation all come from them.

    Args:
        evidence: verdicts, one a sentence at most.
        sentences: how many the answer has: those without a verdict count as not supported.
        threshold: values below it are `unfaithful`.
    """
    bad = [e for e in evidence if e.verdict in ("unsupported", "contradicted")]
    supported = sum(e.verdict == "supported" for e in evidence)
    unjudged = sentences - len(evidence)
    checkable = supported + len(bad) + unjudged
    if not checkable:
        return Skipped("nothing_checkable")
    value = supported / checkable
    whole = not bad and not unjudged
    label = "unfaithful" if value < threshold else "faithful" if whole else "partly"
    details = {
        "supported_ratio": value, "sentences": float(sentences), "checkable": float(checkable),
        "unsupported": float(len(bad)), "contradicted": float(sum(e.verdict == "contradicted" for e in bad)),
        "unjudged": float(unjudged), "quotes_refused": float(sum(f.reason == "quote" for e in bad for f in e.flaws)),
    }  # fmt: skip
    return Score(value, label, explain(bad, checkable, unjudged), evidence, details, value >= threshold)


def explain(bad: Sequence[Evidence], checkable: int, unjudged: int = 0) -> str:
    """What the verdicts say, in words."""
    left = f"; {unjudged} without a verdict" if unjudged else ""
    if not bad:
        return f"{checkable - unjudged} of {checkable} sentences supported{left}"
    quoted = "; ".join(f'"{_short(e.text)}" ({_because(e)})' for e in bad[:_QUOTED_SENTENCES])
    more = f"; and {len(bad) - _QUOTED_SENTENCES} more" if len(bad) > _QUOTED_SENTENCES else ""
    return f"{len(bad)} of {checkable} sentences not supported: {quoted}{more}{left}"


def _because(evidence: Evidence) -> str:
    if evidence.verdict == "contradicted":
        return "against the passages"
    reason = next((f.reason for f in evidence.flaws), "")
    return _BECAUSE.get(reason, "no passage says this together")


def _short(text: str) -> str:
    text = " ".join(text[: 2 * _QUOTED_LENGTH].split())
    return text if len(text) <= _QUOTED_LENGTH else text[: _QUOTED_LENGTH - 1].rstrip() + "…"
