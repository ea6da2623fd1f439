"""What is particular to Cohere: clients that bind their methods, streams behind a `with`, documents beside a prompt."""

import asyncio
import gc
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cohere
import httpx
import pytest
from opentelemetry.trace import StatusCode

from conformance.cases import decoded
from conformance.cohere_cases import EVENTS, EVEREST, FUJI, MODEL, QUESTION, RERANKED, USAGE
from conformance.harness import Tracing, traced
from groundwire.chain import chains
from groundwire.model import Score
from groundwire.records import from_readable
from groundwire_evaluators.rerank_lift import RerankLift
from groundwire_instrumentation.cohere import PROVIDER

SAID = {"role": "assistant", "content": [{"type": "text", "text": "Everest is 8,849 m high."}]}
ANSWER = {"id": "c-1", "finish_reason": "COMPLETE", "message": SAID, "usage": USAGE}


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with traced(PROVIDER) as tracing:
        yield tracing


def client(body: Any, version: int = 2, **settings: Any) -> Any:
    """A client whose server answers every request with that body: JSON, or bytes of events."""

    def respond(request: httpx.Request) -> httpx.Response:
        if isinstance(body, bytes):
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)
        return httpx.Response(200, json=body[request.url.path] if "/" in str(next(iter(body))) else body)

    http = httpx.Client(transport=httpx.MockTransport(respond))
    make = cohere.ClientV2 if version == 2 else cohere.Client
    return make(api_key="k" * 20, httpx_client=http, **settings)


def events(sent: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in sent).encode()


def ask(co: Any, **rest: Any) -> Any:
    return co.chat(model=MODEL, messages=[{"role": "user", "content": QUESTION}], **rest)


def attributes(tracing: Tracing) -> dict[str, Any]:
    return decoded(tracing.span.attributes)


def test_a_stream_of_a_client_made_before_instrumentation_is_traced() -> None:
    co = client(events(EVENTS))  # its `chat_stream` is bound to what the class had then
    with traced(PROVIDER) as tracing:
        seen = list(co.chat_stream(model=MODEL, messages=[{"role": "user", "content": QUESTION}]))
        assert len(seen) == len(EVENTS)
        assert attributes(tracing)["gen_ai.usage.input_tokens"] == 31


def test_a_raw_stream_is_one_span_however_often_its_data_is_asked_for(tracing: Tracing) -> None:
    co = client(events(EVENTS))
    with co.with_raw_response.chat_stream(model=MODEL, messages=[{"role": "user", "content": QUESTION}]) as answer:
        assert answer.status_code == 200
        assert [next(answer.data).type for _ in range(2)] == ["message-start", "tool-plan-delta"]
        gc.collect()
        assert len(list(answer.data)) == len(EVENTS) - 2
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == ("stop",)
    assert "groundwire.stream.incomplete" not in attributes(tracing)


def test_an_error_of_the_application_inside_a_raw_stream_is_on_the_span(tracing: Tracing) -> None:
    raw = client(events(EVENTS)).with_raw_response

    def read() -> None:
        with raw.chat_stream(model=MODEL, messages=[{"role": "user", "content": QUESTION}]) as answer:
            next(answer.data)
            raise LookupError("mine")

    with pytest.raises(LookupError):
        read()
    assert attributes(tracing)["error.type"] == "LookupError"


def test_a_stream_that_is_left_as_the_program_ends_is_no_error(tracing: Tracing) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=events(EVENTS))

    async def main() -> None:
        http = httpx.AsyncClient(transport=httpx.MockTransport(respond))
        async for event in cohere.AsyncClientV2(api_key="k" * 20, httpx_client=http).chat_stream(
            model=MODEL, messages=[]
        ):
            if event.type == "content-delta":
                break

    asyncio.run(main())  # whose end cancels the task that closes what the loop was left with
    found = attributes(tracing)
    assert ("error.type" in found, found["groundwire.stream.incomplete"]) == (False, True)


def test_a_generation_that_fails_midway_says_so(tracing: Tracing) -> None:
    failed = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "overloaded"}}
    list(client(events([*EVENTS[:9], failed])).chat_stream(model=MODEL, messages=[]))
    found = attributes(tracing)
    assert tracing.span.status.status_code is StatusCode.ERROR
    assert (found["gen_ai.response.finish_reasons"], found["error.type"]) == (("error",), "ERROR")
    assert found["groundwire.usage.source"] == "estimated"
    assert found["gen_ai.output.messages"][0]["parts"][-1] == {"type": "text", "content": "8,849 m."}


def test_events_that_nobody_knows_yet_are_passed_over(tracing: Tracing) -> None:
    odd = [{"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"start": 0}}}}, {"type": "new"}]
    list(client(events([*EVENTS[:5], *odd, *EVENTS[5:]])).chat_stream(model=MODEL, messages=[]))
    parts = attributes(tracing)["gen_ai.output.messages"][0]["parts"]
    assert [part["type"] for part in parts] == ["reasoning", "reasoning", "text", "tool_call"]


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"billed_units": {"input_tokens": 5.0, "output_tokens": 7.0}, "tokens": {"input_tokens": 71.0}}, (5, 7)),
        ({"tokens": {"input_tokens": 71.0, "output_tokens": 7.0}}, (71, 7)),
        ({"billed_units": {"input_tokens": 0.0, "output_tokens": 0.0}}, (0, 0)),
        ({}, (None, None)),
        (None, (None, None)),
    ],
)
def test_billed_tokens_count_and_else_used_ones(tracing: Tracing, usage: Any, counted: Any) -> None:
    ask(client({**ANSWER, "usage": usage}))
    found = attributes(tracing)
    assert (found.get("gen_ai.usage.input_tokens"), found.get("gen_ai.usage.output_tokens")) == counted
    assert ("gen_ai.usage.cost" in found) is (counted[0] is not None)


@pytest.mark.parametrize(
    ("reason", "told"),
    [("MAX_TOKENS", "length"), ("TOOL_CALL", "tool_call"), ("TIMEOUT", "error"), ("SOMETHING_NEW", "something_new")],
)
def test_why_it_stopped_is_told_in_the_words_of_the_conventions(tracing: Tracing, reason: str, told: str) -> None:
    ask(client({**ANSWER, "finish_reason": reason}))
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == (told,)
    assert attributes(tracing).get("error.type") == (reason if told == "error" else None)


@pytest.mark.parametrize(
    ("base_url", "provider", "address", "port"),
    [
        ("https://gateway.example:8443/cohere", "cohere", "gateway.example", 8443),
        ("https://api.cohere.com/v1", "cohere", "api.cohere.com", None),
        ("https://x.eastus2.inference.ai.azure.com", "azure.ai.inference", "x.eastus2.inference.ai.azure.com", None),
    ],
)
def test_the_host_says_who_serves(
    tracing: Tracing, base_url: str, provider: str, address: str, port: int | None
) -> None:
    ask(client(ANSWER, base_url=base_url))
    found = attributes(tracing)
    assert (found["gen_ai.provider.name"], found["server.address"]) == (provider, address)
    assert found.get("server.port") == port


def test_an_image_is_its_size_and_hash(tracing: Tracing) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}}
    client(ANSWER).chat(model=MODEL, messages=[{"role": "user", "content": [{"type": "text", "text": "?"}, image]}])
    text, part = attributes(tracing)["gen_ai.input.messages"][0]["parts"]
    assert text == {"type": "text", "content": "?"}
    assert (part["type"], part["size"], part["mime_type"]) == ("blob", 6, "image/png")


def test_the_key_is_nowhere(tracing: Tracing) -> None:
    ask(client(ANSWER))
    assert "kkkk" not in str(dict(tracing.span.attributes or {}))


def test_batches_of_the_v1_client_are_one_span_under_the_application_s(tracing: Tracing) -> None:
    body = {
        "id": "e-1",
        "texts": ["x"],
        "embeddings": {"float": [[0.5]]},
        "response_type": "embeddings_by_type",
        "meta": {"billed_units": {"input_tokens": 3.0}},
    }
    threads = threading.active_count()
    with tracing.tracer.start_as_current_span("app"):
        client(body, 1).embed(texts=["x"] * 200, model="embed-v4.0", input_type="search_document")
    call, app = tracing.spans
    assert call.parent == app.context
    assert (call.attributes or {})["gen_ai.usage.input_tokens"] == 9  # three batches of at most 96
    assert threading.active_count() >= threads


def test_a_rank_that_points_nowhere_loses_the_ranking_and_nothing_else(tracing: Tracing) -> None:
    body = {**RERANKED, "results": [{"index": 5, "relevance_score": 0.5}]}
    result = client(body).rerank(model="rerank-v3.5", query=QUESTION, documents=[FUJI])
    assert result.results[0].index == 5
    assert tracing.span.status.status_code is StatusCode.UNSET
    assert attributes(tracing)["groundwire.rerank.input_documents"] == [{"content": FUJI}]


def test_a_rerank_and_a_chat_over_its_documents_are_a_chain_in_the_order_of_the_rerank(tracing: Tracing) -> None:
    co = client({"/v2/rerank": RERANKED, "/v2/chat": ANSWER})
    with tracing.tracer.start_as_current_span("app"):
        ranked = co.rerank(model="rerank-v3.5", query=QUESTION, documents=[FUJI, EVEREST, "A lake."], top_n=2)
        texts = [[FUJI, EVEREST, "A lake."][row.index] for row in ranked.results]
        ask(co, documents=[{"id": str(n), "data": {"text": text, "rank": str(n)}} for n, text in enumerate(texts)])
    (chain,) = chains([from_readable(span) for span in tracing.spans]).chains
    assert [p.text for p in chain.context] == [EVEREST, FUJI]
    assert [p.source for p in chain.context] == ["rerank", "rerank"]
    assert (chain.question, chain.answer) == (QUESTION, "Everest is 8,849 m high.")


def test_the_lift_of_a_rerank_over_the_retrieval_before_it_can_be_computed(tracing: Tracing) -> None:
    co = client({"/v2/rerank": RERANKED, "/v2/chat": ANSWER})
    found = [
        {"id": "f", "content": FUJI},
        {"id": "e", "content": EVEREST},
        {"id": "l", "content": "A lake, quite deep."},
    ]
    asked = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": json.dumps(found)}
    with tracing.tracer.start_as_current_span("app"):
        tracing.tracer.start_span("retrieval mine", attributes=asked).end()
        ranked = co.rerank(model="rerank-v3.5", query=QUESTION, documents=[d["content"] for d in found], top_n=2)
        ask(co, documents=[found[row.index]["content"] for row in ranked.results])
    (chain,) = chains([from_readable(span) for span in tracing.spans]).chains
    assert [(p.text, p.retrieved_rank, p.prompt_rank) for p in chain.context] == [(EVEREST, 2, 1), (FUJI, 1, 2)]
    assert [(p.text, p.in_prompt, p.retrieved_rank) for p in chain.passages[2:]] == [(found[2]["content"], False, 3)]
    lift = RerankLift().evaluate(chain)
    assert isinstance(lift, Score)
    assert lift.value >= 0.5


def test_what_a_rerank_was_given_is_the_order_before_where_nobody_traced_the_retrieval(tracing: Tracing) -> None:
    co = client({"/v2/rerank": RERANKED, "/v2/chat": ANSWER})
    lake = "A lake, quite deep."
    with tracing.tracer.start_as_current_span("app"):
        ranked = co.rerank(model="rerank-v3.5", query=QUESTION, documents=[FUJI, EVEREST, lake], top_n=2)
        ask(co, documents=[[FUJI, EVEREST, lake][row.index] for row in ranked.results])
    (chain,) = chains([from_readable(span) for span in tracing.spans]).chains
    told = [(p.text, p.in_prompt, p.source, p.retrieved_rank) for p in chain.passages]
    assert told == [
        (EVEREST, True, "rerank", 2),
        (FUJI, True, "rerank", 1),
        (lake, False, "retrieval", 3),
    ]


def test_documents_that_no_span_found_are_passages_of_the_prompt(tracing: Tracing) -> None:
    peaks = f"{EVEREST}\n\n{FUJI}"
    ask(client(ANSWER), documents=[peaks, {"id": "f", "data": {"text": FUJI}}])
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert [(p.text, p.id) for p in chain.context] == [(peaks, None), (FUJI, "f")]
    assert chain.question == QUESTION


class _Row:
    """As a row of pandas is: it has items, and is no mapping."""

    def keys(self) -> Sequence[int]:
        return [0]

    def __getitem__(self, _: int) -> str:
        return FUJI


def test_a_document_that_is_no_mapping_costs_the_prompt_nothing(tracing: Tracing) -> None:
    asking = client({"text": "8,849 m.", "generation_id": "g", "finish_reason": "COMPLETE"}, version=1)
    asking.chat(model=MODEL, message=QUESTION, documents=[_Row()])
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert [p.text for p in chain.context] == [FUJI]
    assert chain.question == QUESTION


def test_documents_that_a_tool_found_are_a_passage_each(tracing: Tracing) -> None:
    found = [{"type": "document", "document": {"data": json.dumps({"text": text})}} for text in (EVEREST, FUJI)]
    called = {"id": "t1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "t1", "content": found},
    ]
    client(ANSWER).chat(model=MODEL, messages=messages)
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert [p.text for p in chain.context] == [EVEREST, FUJI]
