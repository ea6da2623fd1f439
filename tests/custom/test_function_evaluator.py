"""`@groundwire.evaluator`: what a function may take, what it may return, and what is refused at once."""

import asyncio
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import groundwire
from groundwire.model import Failed, Passage, RagChain, Score, Skipped

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTypeCheckers

CHAIN = RagChain(
    "How tall is it?",
    (Passage("It is 330 m tall."), Passage("Bananas.", in_prompt=False)),
    "It is 330 metres tall.",
    reference="330 m",
)
BARE = RagChain(None, (), "Nobody knows.")


@groundwire.evaluator
def short(answer: str) -> bool:
    """At most five words."""
    return len(answer.split()) <= 5


@groundwire.evaluator(name="tone", version="2", threshold=0.6, labels=("rude", "curt", "polite"))
def judged_tone(answer: str) -> str:
    return "polite" if "please" in answer else "curt"


def plain(answer: str) -> float:
    return 0.25


def judge(function: Callable[..., Any], chain: RagChain = CHAIN, **settings: Any) -> Score | Skipped:
    return groundwire.evaluator(name="judge", **settings)(function).evaluate(chain)


def run(function: Callable[..., Any], chain: RagChain = CHAIN) -> Score | Skipped | Failed:
    (evaluation,) = groundwire.scoring.score([chain], [groundwire.evaluator(name="judge")(function)])
    return evaluation.result


# --- what it is -----------------------------------------------------------------------------------------------------


def test_a_decorated_function_is_an_evaluator_of_its_name() -> None:
    assert isinstance(short, groundwire.Evaluator)
    assert (short.name, short.version, short.threshold) == ("short", "1", 0.5)
    assert groundwire.evaluate(answer="It is 330 metres tall.", evaluators=[short])["short"] == Score(
        1.0, "pass", passed=True
    )


def test_it_can_still_be_called_as_the_function() -> None:
    assert short("one two") is True
    assert short(answer="1 2 3 4 5 6") is False


def test_settings_stand_on_the_evaluator_and_its_scores() -> None:
    assert (judged_tone.name, judged_tone.version, judged_tone.threshold) == ("tone", "2", 0.6)
    assert judged_tone.evaluate(CHAIN) == Score(0.5, "curt", passed=False)


def test_it_is_frozen() -> None:
    with pytest.raises(AttributeError):
        short.name = "long"  # type: ignore[misc]


def test_it_is_pickled_by_name_where_the_decorator_took_the_functions_place() -> None:
    assert pickle.loads(pickle.dumps(short)) is short
    assert pickle.loads(pickle.dumps(judged_tone)) is judged_tone


def test_it_is_pickled_with_its_settings_where_the_function_kept_its_name() -> None:
    made = groundwire.evaluator(name="quarter", threshold=0.2)(plain)
    copy = pickle.loads(pickle.dumps(made))
    assert copy == made
    assert copy.evaluate(CHAIN) == Score(0.25, "pass", passed=True)


def test_a_local_function_cannot_be_pickled_and_python_says_so() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError), match="local"):
        pickle.dumps(groundwire.evaluator(name="x")(lambda answer: True))


# --- what it may take -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda chain: chain is CHAIN,
        lambda sample: sample is CHAIN,
        lambda answer: answer == CHAIN.answer,
        lambda question: question == CHAIN.question,
        lambda reference: reference == "330 m",
        lambda passages: passages == ["It is 330 m tall."],
        lambda question, passages, answer, reference, chain: chain.answer == answer and bool(question and passages),
        lambda answer, limit=3: limit == 3,
        lambda answer, /: answer == CHAIN.answer,
        lambda *, answer: answer == CHAIN.answer,
        lambda **parts: set(parts) == {"question", "passages", "answer", "reference", "chain"},
        lambda answer, **rest: "answer" not in rest and rest["chain"] is CHAIN,
        partial(lambda limit, answer: limit == 4, 4),
        partial(lambda answer, limit: limit == 4, limit=4),
    ],
)
def test_a_function_gets_the_parts_that_it_names(function: Callable[..., bool]) -> None:
    result = judge(function)
    assert isinstance(result, Score)
    assert result.value == 1.0


def test_an_annotated_chain_may_have_any_name_and_come_with_parts() -> None:
    def check(it: RagChain, answer: str) -> bool:
        return it.answer == answer

    assert judge(check) == Score(1.0, "pass", passed=True)


def test_annotations_that_exist_for_the_type_checker_alone_do_no_harm() -> None:
    def check(it: "RagChain", limit: "OnlyForTypeCheckers | None" = None) -> bool:
        return it is CHAIN and limit is None

    assert judge(check) == Score(1.0, "pass", passed=True)


def test_an_object_that_can_be_called_will_do() -> None:
    class Limit:
        def __init__(self, words: int) -> None:
            self.words = words

        def __call__(self, answer: str) -> bool:
            return len(answer.split()) <= self.words

    assert judge(Limit(9)) == Score(1.0, "pass", passed=True)
    assert judge(Limit(2)) == Score(0.0, "fail", passed=False)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda question: True, "no_question"),
        (lambda passages, answer: True, "no_passages"),
        (lambda answer, reference: True, "no_reference"),
    ],
)
def test_a_chain_that_lacks_a_part_is_skipped(function: Callable[..., bool], reason: str) -> None:
    assert judge(function, BARE) == Skipped(reason)


def test_a_part_that_may_be_none_is_none() -> None:
    def check(answer: str, question: str | None, reference: "str | None", passages: list[str] | None) -> bool:
        return question is None and reference is None and passages == []

    assert judge(check, BARE) == Score(1.0, "pass", passed=True)


def test_a_part_with_a_default_keeps_it() -> None:
    assert judge(lambda question="why?", passages=("none",): (question, passages) == ("why?", ("none",)), BARE) == (
        Score(1.0, "pass", passed=True)
    )


# --- what it may return ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (True, Score(1.0, "pass", passed=True)),
        (False, Score(0.0, "fail", passed=False)),
        (1, Score(1.0, "pass", passed=True)),
        (0.5, Score(0.5, "pass", passed=True)),
        (0.49, Score(0.49, "fail", passed=False)),
        (np.float32(0.25), Score(0.25, "fail", passed=False)),
        (np.bool_(True), Score(1.0, "pass", passed=True)),
        (np.array(0.75), Score(0.75, "pass", passed=True)),
        ((0.5, "half of it"), Score(0.5, "pass", "half of it", passed=True)),
        ((False, None), Score(0.0, "fail", passed=False)),
        ("pass", Score(1.0, "pass", passed=True)),
        (("fail", "rude"), Score(0.0, "fail", "rude", passed=False)),
        (Score(0.3, "mine", passed=None), Score(0.3, "mine", passed=None)),
        (Skipped("poem"), Skipped("poem")),
        (None, Skipped("not_applicable")),
    ],
)
def test_what_is_returned_becomes_a_score(returned: Any, expected: Score | Skipped) -> None:
    assert judge(lambda chain: returned) == expected


@pytest.mark.parametrize(
    ("value", "label"), [(0.0, "poor"), (0.33, "poor"), (0.34, "fair"), (0.66, "fair"), (0.67, "good"), (1.0, "good")]
)
def test_each_of_three_labels_has_a_third(value: float, label: str) -> None:
    result = judge(lambda chain: value, labels=("poor", "fair", "good"))
    assert isinstance(result, Score)
    assert result.label == label


@pytest.mark.parametrize("count", range(2, 12))
def test_a_label_that_is_returned_and_its_value_agree(count: int) -> None:
    labels = tuple(f"l{i}" for i in range(count))
    for label in labels:
        named = judge(lambda chain, label=label: label, labels=labels)
        assert isinstance(named, Score)
        assert judge(lambda chain, value=named.value: value, labels=labels) == named


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (1.0000001, "ValueError", "1.0000001; a value is in [0, 1] and higher is better"),
        (-1, "ValueError", "-1"),
        (7_260_000_000, "ValueError", "[0, 1]"),
        (float("nan"), "ValueError", "nan"),
        (float("inf"), "ValueError", "inf"),
        (np.float64("nan"), "ValueError", "nan"),
        ("excellent", "ValueError", "'excellent', which is none of its labels, from worst to best: 'fail', 'pass'"),
        ({"score": 1}, "TypeError", "returned dict; a bool"),
        ([1.0], "TypeError", "list"),
        (np.array([0.5, 0.5]), "TypeError", "ndarray"),
        ((0.5, "a", "b"), "TypeError", "(float, str, str); a tuple is (value, explanation)"),
        ((0.5, 7), "TypeError", "(float, int)"),
        ((None, "why"), "TypeError", "NoneType with an explanation"),
        ((), "TypeError", "tuple"),
        (1j, "TypeError", "complex"),
    ],
)
def test_what_is_no_judgement_fails_and_says_what_would_do(returned: Any, error: str, message: str) -> None:
    result = run(lambda chain: returned)
    assert isinstance(result, Failed)
    assert result.error_type == error
    assert message in result.message


def test_a_function_that_raises_fails_alone() -> None:
    evaluators = [groundwire.evaluator(name="broken")(lambda answer: 1 / 0), short]
    results = groundwire.evaluate(answer="yes", evaluators=evaluators)
    assert results == {
        "broken": Failed("ZeroDivisionError", "division by zero"),
        "short": Score(1.0, "pass", passed=True),
    }


# --- async ----------------------------------------------------------------------------------------------------------


async def waits(answer: str) -> bool:
    await asyncio.sleep(0)
    return True


def test_an_async_function_is_run_to_completion() -> None:
    assert judge(waits) == Score(1.0, "pass", passed=True)


async def test_an_async_function_is_judged_inside_the_applications_loop() -> None:
    assert judge(waits) == Score(1.0, "pass", passed=True)


def test_all_async_functions_share_one_loop_so_that_clients_survive() -> None:
    loops: list[object] = []

    async def remember(answer: str) -> bool:
        loops.append(asyncio.get_running_loop())
        return True

    judge(remember)
    thread = threading.Thread(target=judge, args=(remember,))
    thread.start()
    thread.join()
    assert len(loops) == 2
    assert loops[0] is loops[1]


def test_an_async_function_sees_the_callers_context_variables() -> None:
    from opentelemetry import context

    async def look(answer: str) -> bool:
        return context.get_value("of the caller") == 1

    token = context.attach(context.set_value("of the caller", 1))
    try:
        assert judge(look) == Score(1.0, "pass", passed=True)
    finally:
        context.detach(token)


def test_an_async_function_that_raises_fails() -> None:
    async def breaks(answer: str) -> bool:
        raise LookupError("no such thing")

    assert run(breaks) == Failed("LookupError", "no such thing")


def test_an_async_evaluator_inside_another_is_refused_rather_than_waited_for() -> None:
    async def outer(answer: str) -> bool:
        return isinstance(judge(waits), Score)

    result = run(outer)
    assert isinstance(result, Failed)
    assert "await its function" in result.message


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_judges_on_a_loop_of_its_own() -> None:
    program = """
import os, asyncio, groundwire

@groundwire.evaluator
async def waits(answer: str) -> bool:
    await asyncio.sleep(0)
    return True

def judged():
    return groundwire.evaluate(answer="yes", evaluators=[waits])["waits"].value == 1.0

assert judged()
child = os.fork()
if child == 0:
    os._exit(0 if judged() else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert judged()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


# --- what can never work --------------------------------------------------------------------------------------------


def yields(answer: str) -> Iterator[bool]:
    yield True


async def yields_async(answer: str) -> AsyncIterator[bool]:
    yield True


def wants_text(text: str) -> bool:
    return True


class Judge:
    name, version = "judge", "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        return Score(1.0, "good")

    def method(self, answer: str) -> bool:
        return True

    def alone(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: True, "takes nothing of the answer"),
        (lambda limit=3: True, "takes nothing of the answer"),
        (lambda answer, tone: True, "takes 'tone', which an answer does not have; name its parameters among question"),
        (lambda *answers: True, r"takes \*answers"),
        (lambda question=None, answer="", /: True, "positional only"),
        (wants_text, "takes 'text'"),
        (yields, "it yields"),
        (yields_async, "it yields"),
        (Judge, "a class needs no decorator"),
        (Judge.method, "takes 'self'"),
        (Judge.alone, "takes 'self'"),
        (Judge(), "a function is wanted, got Judge"),
        (short, "a function is wanted, got FunctionEvaluator"),
        (0.5, "a function is wanted, got float"),
        (None, "a function is wanted, got NoneType"),
    ],
)
def test_a_function_that_can_never_judge_is_refused_when_decorated(function: Any, message: str) -> None:
    with pytest.raises(groundwire.ConfigurationError, match=message):
        groundwire.evaluator(name="judge")(function)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "two words"}, "letters, digits, _ and -"),
        ({"name": "a.b"}, "letters"),
        ({"name": ""}, "letters"),
        ({"name": 7}, "letters"),
        ({"version": 2}, "version is text"),
        ({"version": ""}, "version is text"),
        ({"threshold": 1.5}, "threshold is a number"),
        ({"threshold": True}, "threshold is a number"),
        ({"threshold": float("nan")}, "threshold is a number"),
        ({"threshold": None}, "threshold is a number"),
        ({"labels": ("one",)}, "two labels or more"),
        ({"labels": ("a", "a")}, "all different"),
        ({"labels": "ab"}, "labels are texts"),
        ({"labels": ("a", 1)}, "labels are texts"),
    ],
)
def test_a_setting_that_can_never_work_is_refused_when_decorated(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(groundwire.ConfigurationError, match=message):
        groundwire.evaluator(**{"name": "judge", **settings})(plain)


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(groundwire.ConfigurationError, match="give one with name="):
        groundwire.evaluator(lambda answer: True)


def test_a_name_in_the_place_of_the_function_is_told_where_it_belongs() -> None:
    with pytest.raises(groundwire.ConfigurationError, match="write name='polite'"):
        groundwire.evaluator("polite")  # type: ignore[call-overload]


def test_an_undecorated_function_is_told_of_the_decorator() -> None:
    with pytest.raises(groundwire.ConfigurationError, match=r"@groundwire\.evaluator makes one"):
        groundwire.evaluate(answer="yes", evaluators=[plain])  # type: ignore[list-item]


# --- what it calls --------------------------------------------------------------------------------------------------


def test_what_an_evaluator_calls_is_marked_as_no_traffic_of_the_application() -> None:
    from opentelemetry import context

    def suppressed() -> bool:
        return context.get_value("suppress_instrumentation") is True

    async def look(answer: str) -> bool:
        return suppressed()

    evaluators = [groundwire.evaluator(name="sync")(lambda answer: suppressed()), groundwire.evaluator(look)]
    scores = groundwire.evaluate(answer="yes", evaluators=evaluators)
    assert scores == {name: Score(1.0, "pass", passed=True) for name in ("sync", "look")}
    assert not suppressed()
