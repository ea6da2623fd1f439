"""One case of a dataset: a question, what is known of its answer, and where it comes from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from groundwire.budget import encodable
from groundwire.model import Passage
from groundwire.prompt import words

FORMAT = 1
"""Version of the format, on every line as `groundwire_case`."""
Slice: TypeAlias = str | int | float | bool
_NONE: Mapping[str, Any] = MappingProxyType({})


def _none() -> Mapping[str, Any]:
    return _NONE


@dataclass(frozen=True, slots=True)
class Case:
    """A question to ask, and everything that is known about it.

    >>> Case("How tall is the Eiffel Tower?").id == Case("how tall is the  eiffel tower").id
    True
    """

    question: str
    reference: str | None = None
    """A right answer."""
    id: str = ""
    """By default derived from the question: the same question has the same id wherever it is found."""
    passages: tuple[Passage, ...] = ()
    """What was retrieved for the previous answer, or what the answer shall rest on: for targets that take a case."""
    previous_answer: str | None = None
    """What was answered when the case was recorded: no reference, it may be wrong."""
    tags: tuple[str, ...] = ()
    slices: Mapping[str, Slice] = field(default_factory=_none)
    """What results are grouped by: model, topic, language ..."""
    provenance: Mapping[str, Any] = field(default_factory=_none)
    """Where a recorded case is from: `trace_id`, `span_id`, `source`, `when`, `scores`."""
    redacted: Mapping[str, int] = field(default_factory=_none)
    """How many different values of each kind were replaced."""
    extra: Mapping[str, Any] = field(default_factory=_none)
    """Keys that mean nothing to us: they stay with the case."""

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ValueError("a case needs a question")
        # an id is an attribute of spans, and a key when they are read again: it must survive being written
        object.__setattr__(self, "id", encodable(self.id) if self.id else case_id(self.question))

    @property
    def content(self) -> str:
        """What a run over the case depends on, as one text: two cases with the same one are the same."""
        texts = [self.question, self.reference or "", *(p.text for p in self.passages)]
        return "\x1f".join(texts)

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`; what is unknown is left out. `case_of` reads it back."""
        written: dict[str, Any] = {"groundwire_case": FORMAT, "id": self.id, "question": self.question}
        known: dict[str, Any] = {
            "reference": self.reference,
            "previous_answer": self.previous_answer,
            "passages": [_passage_json(p) for p in self.passages],
            "tags": list(self.tags),
            "slices": dict(self.slices),
            "provenance": dict(self.provenance),
            "redacted": dict(self.redacted),
        }
        written |= {key: value for key, value in known.items() if value is not None and value != [] and value != {}}
        return {**written, **{key: value for key, value in self.extra.items() if key not in written}}

    def with_id(self, identity: str) -> "Case":
        """The same case under another id."""
        return replace(self, id=identity)


def case_id(question: str) -> str:
    """16 hex digits derived from the words of the question; case, white space and punctuation do not count.

    A question without any word (`"???"`) is told by its characters.
    """
    key = words(question).strip() or question.strip()
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:16]


def _passage_json(passage: Passage) -> dict[str, Any]:
    row: dict[str, Any] = {"text": passage.text}
    if passage.id is not None:
        row["id"] = passage.id
    if passage.score is not None:
        row["score"] = passage.score
    return row
