"""Below the spans of an instrumentor that keeps them out of the context: OpenInference's of LangChain."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import httpx2
import pytest
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import groundwire
from groundwire.records import from_readable
from groundwire.trace import read_trace

THEIRS = "openinference.instrumentation.langchain"
PASSAGE = "The Eiffel Tower is 330 metres tall."
QUESTION = "How tall is it?"
ANSWER: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18"}
ANSWER |= {
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "It is 350 metres tall."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 48},
}
COST = (40 * 0.15 + 8 * 0.60) / 1e6
pytestmark = pytest.mark.filterwarnings("ignore:Calling .text")  # theirs


class Seen:
    """What came out of the application's provider."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(groundwire.ScoringSpanProcessor(SimpleSpanProcessor(self.exporter)))

    def spans(self) -> list[ReadableSpan]:
        assert self.provider.force_flush()
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def seen() -> Iterator[Seen]:
    seen = Seen()
    groundwire.instrument(tracer_provider=seen.provider, providers=["langchain", "openai"])
    LangChainInstrumentor().instrument(tracer_provider=seen.provider)
    yield seen
    if LangChainInstrumentor().is_instrumented_by_opentelemetry:
        LangChainInstrumentor().uninstrument()
    groundwire.shutdown()
    seen.provider.shutdown()


@groundwire.retriever
def find(question: str) -> list[str]:
    return [PASSAGE]


def chain() -> Any:
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=ANSWER))
    model = ChatOpenAI(
        model="gpt-4o-mini",
        api_key="sk",
        http_client=httpx2.Client(transport=transport),
        http_async_client=httpx2.AsyncClient(transport=transport),
    )
    prompt = RunnableLambda(lambda given: f"Context: {given['found'][0]}\n\nQuestion: {given['question']}")
    return {"found": RunnableLambda(find), "question": RunnablePassthrough()} | prompt | model


def called(spans: list[ReadableSpan], name: str) -> ReadableSpan:
    (span,) = [span for span in spans if span.name == name]
    return span


def parent_of(span: ReadableSpan, spans: list[ReadableSpan]) -> str | None:
    by_id = {each.context.span_id: each.name for each in spans}
    return None if span.parent is None else by_id[span.parent.span_id]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_ours_are_children_of_theirs_and_the_answer_is_one(seen: Seen, way: str) -> None:
    if way == "invoke":
        chain().invoke(QUESTION)
    else:
        asyncio.run(chain().ainvoke(QUESTION))
    spans = seen.spans()
    assert len({span.context.trace_id for span in spans}) == 1
    assert [span.name for span in spans if span.parent is None] == ["RunnableSequence"]
    chat, theirs = called(spans, "chat gpt-4o-mini"), called(spans, "ChatOpenAI")
    assert parent_of(chat, spans) == parent_of(theirs, spans) == "RunnableSequence"
    assert parent_of(called(spans, "retrieval find"), spans) == "find"
    assert [span.name for span in spans if span.name == "evaluate faithfulness"] == ["evaluate faithfulness"]
    assert dict(theirs.attributes or {})["groundwire.evaluation.status"] == "no_chain: duplicate"
    assert dict(chat.attributes or {})["gen_ai.evaluation.faithfulness.score.label"] == "unfaithful"


def test_tokens_and_cost_of_both_count_once_live_and_stored(seen: Seen) -> None:
    chain().invoke(QUESTION)
    spans = seen.spans()
    root = dict(called(spans, "RunnableSequence").attributes or {})
    assert root["groundwire.request.tokens"] == 48
    assert root["groundwire.request.cost"] == pytest.approx(COST)
    stored = read_trace([from_readable(span) for span in spans])
    assert stored is not None
    assert stored.tokens == (40, 8)
    assert stored.cost_usd == pytest.approx(COST)


def test_a_nearer_span_of_the_application_stays_the_parent(seen: Seen) -> None:
    @groundwire.workflow
    def inside(question: str) -> Any:
        return chain().invoke(question)

    def outside(question: str) -> list[str]:
        with groundwire.retrieval(question, name="wiki") as r:
            r.documents = find(question)
        return r.documents

    inside(QUESTION)
    RunnableLambda(outside).invoke(QUESTION)
    spans = seen.spans()
    assert parent_of(called(spans, "RunnableSequence"), spans) == "invoke_workflow inside"
    assert parent_of(called(spans, "retrieval wiki"), spans) == "outside"
    finds = [span for span in spans if span.name == "retrieval find"]
    assert [parent_of(span, spans) for span in finds] == ["find", "retrieval wiki"]


def test_work_handed_to_threads_stays_below_theirs(seen: Seen) -> None:
    def fan_out(question: str) -> list[str]:
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(find, [question, question.upper()]))
        thread = Thread(target=find, args=(question,))
        thread.start()
        thread.join()
        return found[0]

    RunnableLambda(fan_out).invoke(QUESTION)
    spans = seen.spans()
    finds = [span for span in spans if span.name == "retrieval find"]
    assert [parent_of(span, spans) for span in finds] == ["fan_out"] * 3


def test_without_theirs_the_context_is_the_current_one_again(seen: Seen) -> None:
    LangChainInstrumentor().uninstrument()
    chain().invoke(QUESTION)
    spans = seen.spans()
    assert {span.instrumentation_scope.name.partition(".")[0] for span in spans if span.instrumentation_scope} == {
        "groundwire"
    }
    assert parent_of(called(spans, "chat gpt-4o-mini"), spans) == "invoke_workflow RunnableSequence"
