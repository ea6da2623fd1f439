"""Cases out of stored answers: chosen, drafted, finished, each question once, in an order that stays."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from groundwire.answers import Answer
from groundwire.datasets.case import Case
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
    rows: list[tuple[Rank, Draft]] = []
    scored = False
    for answer in answers:
        built.answers += 1
        rank = rank_of(answer, choice.evaluators)
        scored = scored or rank.value is not None
        why = refused(answer, rank, choice)
        if why is None:
            rows.append((rank, draft_of(answer, passages, slices)))  # not the answer: its trace would stay in memory
        else:
            built.not_chosen[why] += 1
    if built.answers and not scored and choice.which in ("failed", "passed", "worst"):
        raise ConfigurationError(unscored(choice, source))
    rows.sort(key=lambda row: row[1].place)
    if choice.which in ("failed", "worst"):
        rows.sort(key=lambda row: (not row[0].failed, row[0].value if row[0].value is not None else 2.0))
    else:
        rows.reverse()  # the latest first: it is the one that stays
    cases: dict[str, tuple[int, Case]] = {}
    for _, draft in rows:
        case = finished(draft, source, redactor, answers_as_reference, tags)
        if case.id in cases:
            built.not_chosen["same question"] += 1
        else:
            cases[case.id] = draft.place[0], case
    found = list(cases.values())
    if choice.which == "worst":
        chosen = found[: choice.number]
    elif choice.which == "random":
        chosen = sorted(found, key=lambda row: lot(choice.seed, row[1].id))[: choice.number]
        chosen.sort(key=lambda row: row[1].id)
    else:
        chosen = sorted(found, key=lambda row: (row[0], row[1].id))
    if len(chosen) < len(found):
        built.not_chosen["beyond the number asked for"] += len(found) - len(chosen)
    built.cases = [case for _, case in chosen]
    return built
