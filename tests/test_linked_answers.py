"""Answers that link to what was found in another trace: read in memory or a trace at a time, they are the same."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from built import ANSWER, QUESTION, TOWER, Trace, prompt
from groundwire.answers import Answer, answers
from groundwire.datasets.streamed import StoredAnswers
from groundwire.model import SpanLink, SpanRecord
from groundwire.traces import open_sink

EARLIER, OWN = "b" * 32, "a" * 32
ROOT = "00000000000000f0"


def earlier(*, alone: bool) -> Trace:
    """A request that found a passage and answered another question; or, alone, the search and nothing else."""
    trace = Trace(EARLIER)
    trace.retrieval(TOWER, parent_id=None if alone else ROOT)
    if not alone:
        trace.chat(prompt(TOWER, question="When was it completed?"), "In 1889.", parent_id=ROOT)
        trace.span({"gen_ai.operation.name": "invoke_workflow"}, span_id=ROOT, start_ns=900)
    return trace


def later(*targets: SpanRecord) -> Trace:
    trace = Trace(OWN)
    trace.now = 50_000
    links = tuple(SpanLink(t.trace_id, t.span_id) for t in targets)
    trace.chat(prompt(TOWER), links=links, parent_id=ROOT)
    trace.span({"gen_ai.operation.name": "invoke_workflow", "app": "later"}, span_id=ROOT, start_ns=49_000)
    return trace


def in_memory(spans: Sequence[SpanRecord], _: Path) -> list[Answer]:
    return list(answers(spans))


def streamed(spans: Sequence[SpanRecord], folder: Path) -> list[Answer]:
    sink = open_sink(str(folder / "t.jsonl"))
    sink.write(list(spans))
    sink.close()
    return sorted(StoredAnswers(str(folder / "t.jsonl")), key=lambda a: a.span.end_ns)


Road = Callable[[Sequence[SpanRecord], Path], list[Answer]]

roads = pytest.mark.parametrize("road", [in_memory, streamed])


@roads
@pytest.mark.parametrize("alone", [True, False])
def test_the_passages_are_those_of_the_linked_search(road: Road, alone: bool, tmp_path: Path) -> None:
    found = earlier(alone=alone)
    spans = [*found.spans, *later(found.spans[0]).spans]
    read = road(spans, tmp_path)
    mine = [a for a in read if a.chain.trace_id == OWN]
    assert len(read) == (1 if alone else 2)
    (answer,) = mine
    assert (answer.question, answer.chain.answer) == (QUESTION, ANSWER)
    assert [(p.text, p.source, p.span_id) for p in answer.chain.passages] == [
        (TOWER, "retrieval", found.spans[0].span_id)
    ]
    assert answer.attribute("app") == "later"
    assert answer.trace.trace_id == OWN


@roads
def test_a_link_to_what_is_no_search_brings_nothing(road: Road, tmp_path: Path) -> None:
    found = earlier(alone=False)
    _, chat, root = found.spans
    read = road([*found.spans, *later(chat, root).spans], tmp_path)
    (answer,) = [a for a in read if a.chain.trace_id == OWN]
    assert [p.source for p in answer.chain.passages] == ["prompt"]
    assert {s.span.trace_id for s in answer.trace.stages} == {OWN}
    assert answer.attribute("app") == "later"
    assert answer.duration_ms == pytest.approx((answer.trace.root.end_ns - 49_000) / 1e6)
