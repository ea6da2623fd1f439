"""Cases out of stored answers: chosen, drafted, finished, each question once, in an order that stays."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from groundwire.answers import Answer
from groundwire.datasets.case import Case, case_id
from groundwire.datasets.choosing import Choice, Rank, lot, rank_of, refused, unscored
from groundwire.datasets.drafting import Draft, draft_of, finished
from groundwire.errors import ConfigurationError
from groundwire.redaction import Redactor


@dataclass(slots=True)
class Built:
    """Cases, and what became of the other answers."""

    cases: list[Case] = field(default_factory=list[Case])
    answers: int = 0
    not_chosen: Counter[str] = field(default_factory=Counter[str])
    """Why answers became no case: `where`, `passed`, `not scored`, `same question` ..."""


def build(
    answers: Iterable[Answer],
    choice: Choice,
    *,
    source: str = "",
    redactor: Redactor | None = None,
    answers_as_reference: bool = False,
    passages: bool = True,
    tags: Sequence[str] = (),
    slices: Sequence[str] = (),
) -> Built:
    """Cases of answers, each question once.

    Of several answers to one question the worst is taken where the worst or the failed ones are asked for, else the
    latest. The order is that of time; for the worst, the worst first; at random, by case id.

    Args:
        answers: in any order.
        choice: which of them.
        source: where they are from, for the provenance. Passwords in it are left out.
        redactor: takes private data out of every text, before questions are compared and ids are made.
        answers_as_reference: take answers for right ones. Only where somebody has looked at them.
        passages: keep what the answers rested on.
        tags: put on every case.
        slices: further attributes to keep as slices.

    Raises:
        ConfigurationError: scores decide and no answer has any, or a hook broke.
    """
    built = Built()
    pool = _Pool(choice)
    scored = False
    for answer in answers:
        built.answers += 1
        rank = rank_of(answer, choice.evaluators)
        scored = scored or rank.value is not None
        why = refused(answer, rank, choice)
        if why is None:
            pool.add(rank, draft_of(answer, passages, slices))  # not the answer: its trace would stay in memory
        else:
            built.not_chosen[why] += 1
    if built.answers and not scored and choice.which in ("failed", "passed", "worst"):
        raise ConfigurationError(unscored(choice, source))
    cases: dict[str, tuple[int, Case]] = {}
    drafts = pool.in_order()
    for draft in drafts:
        if choice.number is not None and len(cases) == choice.number:
            break
        case = finished(draft, source, redactor, answers_as_reference, tags)
        if case.id in cases:
            pool.repeated += 1  # the same without what was taken out
        else:
            cases[case.id] = draft.place[0], case
    left = built.answers - built.not_chosen.total() - pool.repeated - len(cases)
    built.not_chosen.update({"same question": pool.repeated, "beyond the number asked for": left})
    built.not_chosen = +built.not_chosen
    found = list(cases.items())
    if choice.which == "random":
        found.sort(key=lambda entry: entry[0])
    elif choice.which != "worst":
        found.sort(key=lambda entry: (entry[1][0], entry[0]))
    built.cases = [case for _, (_, case) in found]
    return built


class _Pool:
    """Drafts that may become cases, one a question: the worst of them, or the latest.

    Where only so many are wanted, those that can no longer be among them are dropped now and then.
    """

    def __init__(self, choice: Choice) -> None:
        self.repeated = 0
        self._choice = choice
        self._seen: set[str] = set()
        self._kept: dict[str, tuple[tuple[Any, ...], Draft]] = {}
        # some more than are asked for: questions may turn out to be the same once names are taken out of them
        self._enough = None if choice.number is None else 2 * choice.number + 100

    def add(self, rank: Rank, draft: Draft) -> None:
        """Take one more."""
        if self._choice.which in ("failed", "worst"):
            key: tuple[Any, ...] = (not rank.failed, 2.0 if rank.value is None else rank.value, *draft.place)
        else:
            key = (-draft.place[0], *draft.place[1:])
        asked = draft.identity or case_id(draft.question)
        known = self._kept.get(asked)
        self.repeated += asked in self._seen
        self._seen.add(asked)
        if known is None or key < known[0]:
            self._kept[asked] = key, draft
        if self._enough is not None and len(self._kept) > 4 * self._enough:
            self._kept = dict(sorted(self._kept.items(), key=self._place)[: self._enough])

    def in_order(self) -> list[Draft]:
        """Those that shall be taken first, first."""
        return [draft for _, (_, draft) in sorted(self._kept.items(), key=self._place)]

    def _place(self, entry: tuple[str, tuple[tuple[Any, ...], Draft]]) -> Any:
        asked, (key, _) = entry
        return lot(self._choice.seed, asked) if self._choice.which == "random" else key
