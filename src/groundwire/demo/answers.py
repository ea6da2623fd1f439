"""The recorded answers: what six language models really said, and what people marked in it.

They are rows of RAGTruth (MIT, see README.md beside this file), chosen by `training/select_demo_rows.py`.
"""

import gzip
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters of an answer that a person marked as hallucinated, end exclusive."""

    start: int
    end: int
    type: str
    """`Evident Conflict`, `Evident Baseless Info`, `Subtle Conflict` or `Subtle Baseless Info`."""


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """One question, the passages that the model was given, its answer, and the human marks in it."""

    id: str
    source_id: int
    """The web search that the passages come from; every recorded answer has its own."""
    question: str
    passages: tuple[str, ...]
    answer: str
    generator: str
    """The model, as RAGTruth names it: `gpt-4-0613`, `llama-2-7b-chat` ..."""
    marks: tuple[Mark, ...]

    @property
    def hallucinated(self) -> bool:
        """Whether people marked anything in it."""
        return bool(self.marks)


@cache
def recorded_answers() -> tuple[RecordedAnswer, ...]:
    """All recorded answers, in their fixed order."""
    packed = resources.files("groundwire.demo").joinpath("answers.jsonl.gz").read_bytes()
    rows = [json.loads(line) for line in gzip.decompress(packed).decode().splitlines()]
    return tuple(
        RecordedAnswer(
            id=row["id"],
            source_id=row["source_id"],
            question=row["question"],
            passages=tuple(row["passages"]),
            answer=row["answer"],
            generator=row["generator"],
            marks=tuple(Mark(m["start"], m["end"], m["type"]) for m in row["spans"]),
        )
        for row in rows
    )


def asked(prompt: str, answers: Iterable[RecordedAnswer]) -> RecordedAnswer | None:
    """The recorded answer whose question the prompt asks; None where it asks none of them.

    White space, case and punctuation do not count. Of several questions in the prompt the longest is taken.
    """
    text = _words(prompt)
    found = [entry for entry in answers if _words(entry.question) in text]
    return max(found, key=lambda entry: len(entry.question), default=None)


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "
