"""How a target is called, and what its result says."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from groundwire.datasets import Case
from groundwire.errors import ConfigurationError
from groundwire.experiments.target import Reply, Target, reply_of
from groundwire.model import Document

CASE = Case("Q?", "R")


# --- what it takes ---


def by_case(case: Any) -> str:
    return f"{case.question} {case.reference}"


def by_annotation(it: Case) -> str:
    return by_case(it)


def by_question(question: str, *, limit: int = 3) -> str:
    return question


class Application:
    def answer(self, question: str) -> str:
        return question

    def __call__(self, question: str) -> str:
        return question


async def later(question: str) -> str:
    await asyncio.sleep(0)
    return question


def stream(question: str) -> Iterator[str]:
    yield from question


async def async_stream(question: str) -> AsyncIterator[str]:
    for character in question:
        yield character


@pytest.mark.parametrize("target", [by_case, by_annotation])
def test_a_target_that_asks_for_the_case_gets_it(target: Any) -> None:
    assert Target.of(target).call(CASE, None) == "Q? R"


@pytest.mark.parametrize(
    "target",
    [
        by_question, lambda q: q, lambda *args: args[0], partial(by_question, limit=4), Application(),
        Application().answer, later, stream, async_stream, str.strip,
    ],
)  # fmt: skip
@pytest.mark.parametrize("timeout_s", [None, 10.0])
def test_any_callable_of_a_question_is_a_target(target: Any, timeout_s: float | None) -> None:
    assert Target.of(target).call(CASE, timeout_s) == "Q?"


def test_a_target_is_found_by_its_place() -> None:
    assert Target.of("textwrap:dedent").call(CASE, None) == "Q?"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (7, "must be callable"),
        (Application, "is a class"),
        (lambda: "x", "must take one argument"),
        (lambda a, b: "x", "must take one argument"),
        (lambda *, question: "x", "must take one argument"),
        ("textwrap", "write package.module:function"),
        ("no_such_module_here:f", "no module 'no_such_module_here'"),
        ("textwrap:no", "no 'no' in textwrap"),
        ("textwrap:", "write package.module:function"),
    ],
)
def test_what_is_no_target_is_told(target: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Target.of(target)


# --- time ---


async def sleeps(question: str) -> str:
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        cancelled.append(question)
        raise
    return question


cancelled: list[str] = []


def blocks(question: str) -> str:
    time.sleep(3)
    return question


@pytest.mark.parametrize("target", [sleeps, blocks])
def test_what_takes_too_long_is_left(target: Any) -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.2 s"):
        Target.of(target).call(CASE, 0.2)
    assert time.monotonic() - started < 2


def test_a_coroutine_that_takes_too_long_is_cancelled() -> None:
    cancelled.clear()
    with pytest.raises(TimeoutError):
        Target.of(sleeps).call(CASE, 0.1)
    until = time.monotonic() + 5
    while not cancelled and time.monotonic() < until:
        time.sleep(0.01)
    assert cancelled == ["Q?"]


def test_a_timeout_of_the_targets_own_keeps_its_words() -> None:
    async def gives_up(question: str) -> str:
        raise TimeoutError("the database did")

    with pytest.raises(TimeoutError, match="the database did"):
        Target.of(gives_up).call(CASE, 5)


# --- what it returns ---


@dataclass
class Result:
    answer: str
    sources: list[str] = field(default_factory=list[str])


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        (None, Reply()),
        ("A", Reply("A")),
        ("", Reply("")),
        (("A", ["P"]), Reply("A", (Document("P"),))),
        ({"answer": "A"}, Reply("A")),
        ({"output": "A", "contexts": ["P", {"text": "R", "id": "r"}]}, Reply("A", (Document("P"), Document("R", "r")))),
        ({"answer": "A", "passages": []}, Reply("A", ())),
        ({"answer": "A", "passages": None}, Reply("A")),
        ({"answer": None}, Reply()),
        (Result("A", ["P"]), Reply("A", (Document("P"),))),
        (SimpleNamespace(response="A", source_nodes=[]), Reply("A", ())),
        ({"result": {"text": "A"}}, Reply("A")),
        (
            {"answer": "A", "model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "cost_usd": 0.5},
            Reply("A", None, "m", 3, 2, 0.5),
        ),
        ({"answer": "A", "input_tokens": True, "cost_usd": "x", "model": 3}, Reply("A")),
    ],
)
def test_a_result_is_read(value: Any, reply: Reply) -> None:
    assert reply_of(value) == reply


@pytest.mark.parametrize("value", [7, object(), ["A"], {"passages": ["P"]}, {"answer": 7}, b"A", ("A", "B", "C")])
def test_a_result_that_says_nothing_is_a_mistake(value: Any) -> None:
    with pytest.raises(TypeError, match="return text, or a mapping"):
        reply_of(value)
