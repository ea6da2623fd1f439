"""`Rubric`: a rule of one sentence, and a model that says whether an answer keeps it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeAlias, cast, get_args

from groundwire.errors import ConfigurationError, JudgeError
from groundwire.judge.client import ask
from groundwire.judge.connection import Connection
from groundwire.judge.exchange import Ask
from groundwire.judge.fences import DATA_RULE, Fences
from groundwire.judge.quotes import Searchable
from groundwire.judge.together import Outcome, at_once
from groundwire.judge.verdicts import objects
from groundwire.model import Evidence, RagChain, Score, Skipped

Ruling: TypeAlias = Literal["pass", "fail", "not_applicable"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SYSTEM = """\
You check whether an answer keeps one rule. The rule is:

{rule}

You are given the question and the answer. {data}

Write these fields, in this order:
- quote: the words of the answer that decide it, copied letter by letter, as short as will do; "" if it is decided by \
what the answer leaves out.
- reason: at most twenty words of your own.
- verdict: pass if the answer keeps the rule, fail if it breaks it, not_applicable if the rule is not about answers \
like this one.

Reply with JSON only: {{"quote": "...", "reason": "...", "verdict": "..."}}"""
_ASKED = "Does the answer keep the rule?"
_AGAIN = "A first reply to this could not be used: {problem}. Judge again, JSON only."
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "quote": {"type": "string"},
        "reason": {"type": "string"},
        "verdict": {"type": "string", "enum": list(get_args(Ruling))},
    },
    "required": ["quote", "reason", "verdict"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Rubric(Connection):
    """A rule for answers, in a sentence: `Rubric("no_advice", "The answer must not give medical advice.", model=...)`.

    Value: 1 where the answer keeps the rule (`pass`), 0 where it breaks it (`fail`). What the model quotes from the
    answer must be there: a verdict whose quote is not is asked for again, and then not believed.

    A quote proves that something was said, not that nothing was: an answer that talks its judge into `pass` cannot be
    caught by quotes. Do not make a rubric your only guard against answers that users can dictate.

    Skipped: `empty_answer`, `not_applicable`, `budget`, `judge_refused`, `too_long`.

    Raises (`evaluate`):
        JudgeError: the judge could not be asked, or gave no verdict that can be believed.

    Args:
        name: what the score is called: lower-case letters, digits and `_`.
        rule: one sentence that every answer should satisfy.
        others: see `groundwire.judge.connection.Connection`.
    """

    name: str
    rule: str

    def __post_init__(self) -> None:
        Connection.__post_init__(self)
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"a rubric's name is lower-case letters, digits and _, got {self.name!r}")
        if not self.rule.strip():
            raise ConfigurationError("a rubric needs a rule: one sentence that every answer should satisfy")

    @property
    def version(self) -> str:
        """Verdicts by different models, and on different rules, do not compare."""
        import hashlib

        return f"rubric-1:{self.model}:{hashlib.sha256(self.rule.encode()).hexdigest()[:8]}"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain."""
        question = self.question(chain)
        if question is None:
            return Skipped("empty_answer")
        searchable = Searchable.of(chain.answer)
        judged = ask(
            self, question, lambda replies: _read(replies, searchable),
            lambda _, problem: replace(
                question, user=f"{question.user.rpartition(_ASKED)[0]}{_AGAIN.format(problem=problem)}"
            ),
        )  # fmt: skip
        if isinstance(judged, Skipped):
            return judged
        if judged.problem is not None or judged.value is None:
            raise JudgeError(f"{self.model} gave no verdict that can be used: {judged.problem}")
        made = _score(judged.value, chain.answer)
        if isinstance(made, Skipped):
            return made
        return replace(made, model=self.model, usage=judged.usage, cost_usd=judged.cost_usd)

    def evaluate_many(self, chains: Sequence[RagChain], /) -> list[Outcome]:
        """Judge some chains, as many at a time as `concurrency` allows."""
        return at_once([partial(self.evaluate, chain) for chain in chains], self.concurrency)

    def question(self, chain: RagChain) -> Ask | None:
        """What the model is asked first about a chain; None where it is not asked."""
        if not chain.answer.strip():
            return None
        asked = chain.question or "(not known)"
        fences = Fences.around([asked, chain.answer])
        quoted = fences.quoted([("question", asked), ("answer", chain.answer)])
        system = _SYSTEM.format(rule=self.rule.strip(), data=DATA_RULE.format(mark=fences.mark))
        return Ask(system, f"{quoted}\n\n{_ASKED}", _SCHEMA, 80, 4096)


@dataclass(frozen=True, slots=True)
class _Ruled:
    ruling: Ruling
    start: int | None = None
    end: int | None = None


def _read(replies: Sequence[str], answer: Searchable) -> tuple[_Ruled | None, str | None]:
    """The last reply: a ruling, and what is wrong with it."""
    for found in objects(replies[-1]):
        ruling = str(found.get("verdict")).strip().lower()
        if ruling not in get_args(Ruling):
            continue
        quote = found.get("quote")
        if not isinstance(quote, str) or not quote.strip():
            return _Ruled(cast(Ruling, ruling)), None
        at = answer.find(quote)
        if at is None:
            return None, "the quote is not in the answer"
        return _Ruled(cast(Ruling, ruling), *at), None
    return None, "it is no JSON object with a verdict of the three"


def _score(ruled: _Ruled, answer: str) -> Score | Skipped:
    if ruled.ruling == "not_applicable":
        return Skipped("not_applicable")
    kept = ruled.ruling == "pass"
    said = "keeps the rule" if kept else "breaks the rule"
    if ruled.start is None or ruled.end is None:
        return Score(float(kept), ruled.ruling, f"the answer {said}", passed=kept)
    quote = answer[ruled.start : ruled.end]
    evidence = Evidence(quote, ruled.start, ruled.end, "supported" if kept else "unsupported", float(kept))
    shown = " ".join(quote.split())
    shown = shown if len(shown) <= 160 else shown[:159] + "…"
    return Score(float(kept), ruled.ruling, f'the answer {said}: "{shown}"', (evidence,), passed=kept)
