"""What is particular to Groq and Voyage AI: where they count tokens, who serves them, one answer over both."""

import json
from collections.abc import Iterator
from typing import Any

import groq
import httpx
import pytest
import voyageai

from conformance import voyageai_cases
from conformance.cases import decoded
from conformance.harness import Tracing, traced
from conformance.voyageai_cases import EVEREST, FUJI, LAKE, QUESTION
from groundwire.chain import chains
from groundwire.records import from_readable
from groundwire_instrumentation import groq as groq_provider
from groundwire_instrumentation import voyageai as voyageai_provider

MODEL = "llama-3.3-70b-versatile"
BODY = {"id": "c-1", "object": "chat.completion", "created": 1, "model": MODEL}
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
SAID = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Everest is 8,849 m high."}}


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with traced(groq_provider.PROVIDER, voyageai_provider.PROVIDER) as tracing:
        yield tracing


def client(answer: Any, **settings: Any) -> groq.Groq:
    def respond(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, list):
            sent = "".join(f"data: {json.dumps({**BODY, **chunk})}\n\n" for chunk in answer) + "data: [DONE]\n\n"
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=sent.encode())
        return httpx.Response(200, json={**BODY, **answer})

    http = httpx.Client(transport=httpx.MockTransport(respond))
    return groq.Groq(api_key="gsk_" + "k" * 30, http_client=http, max_retries=0, **settings)


def ask(groq_client: groq.Groq, text: str = QUESTION, **rest: Any) -> Any:
    return groq_client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}], **rest)


def attributes(tracing: Tracing) -> dict[str, Any]:
    return decoded(tracing.span.attributes)


def delta(index: int = 0, finish: str | None = None, **said: Any) -> dict[str, Any]:
    return {"index": index, "delta": said, "finish_reason": finish}


def test_the_cost_of_an_answer_is_that_of_the_price_list(tracing: Tracing) -> None:
    ask(client({"choices": [SAID], "usage": USAGE}))
    assert attributes(tracing)["gen_ai.usage.cost"] == pytest.approx((100 * 0.59 + 10 * 0.79) / 1e6)


@pytest.mark.parametrize("last", [{"usage": USAGE}, {"x_groq": {"id": "r", "usage": USAGE}}])
def test_counts_of_a_stream_are_found_wherever_they_are(tracing: Tracing, last: dict[str, Any]) -> None:
    chunks = [{"choices": [delta(content="8,849 m.")]}, {"choices": [delta(finish="stop")], **last}]
    list(ask(client(chunks), stream=True))
    found = attributes(tracing)
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (100, 10)
    assert "groundwire.usage.source" not in found


def test_a_stream_without_counts_is_estimated_and_says_so(tracing: Tracing) -> None:
    list(ask(client([{"choices": [delta(content="8,849 m.", finish="stop")]}]), stream=True))
    assert attributes(tracing)["groundwire.usage.source"] == "estimated"


def test_thoughts_of_several_choices_keep_apart(tracing: Tracing) -> None:
    chunks = [
        {"choices": [delta(0, reasoning="One. "), delta(1, reasoning="Two. ")]},
        {"choices": [delta(1, content="B"), delta(0, content="A")]},
        {"choices": [delta(0, "stop"), delta(1, "length")], "usage": USAGE},
    ]
    list(ask(client(chunks), stream=True, n=2))
    parts = [message["parts"] for message in attributes(tracing)["gen_ai.output.messages"]]
    assert [[part["content"] for part in of] for of in parts] == [["One. ", "A"], ["Two. ", "B"]]
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == ("stop", "length")


def test_behind_a_gateway_it_is_still_groq(tracing: Tracing) -> None:
    ask(client({"choices": [SAID], "usage": USAGE}, base_url="http://127.0.0.1:8123"))
    found = attributes(tracing)
    assert (found["gen_ai.provider.name"], found["server.address"], found["server.port"]) == ("groq", "127.0.0.1", 8123)


def test_a_key_that_the_server_quotes_is_not_on_the_span(tracing: Tracing) -> None:
    key = "gsk_" + "k" * 30
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(401, json={"error": {"message": f"bad {key}"}}))
    )
    with pytest.raises(groq.AuthenticationError):
        ask(groq.Groq(api_key=key, http_client=http, max_retries=0))
    assert "kkkk" not in str(tracing.span.status.description)


def test_embeddings_that_name_no_model_are_of_the_sdk_s_default(tracing: Tracing) -> None:
    voyage = voyageai_cases._opens(False)("answer", lambda: None)
    with pytest.warns(UserWarning, match="model"):
        voyage.embed([QUESTION])
    assert attributes(tracing)["gen_ai.request.model"] == voyageai.VOYAGE_EMBED_DEFAULT_MODEL


def test_an_answer_over_what_voyage_ranked_is_a_chain_in_the_order_of_the_rank(tracing: Tracing) -> None:
    voyage = voyageai_cases._opens(False)("answer", lambda: None)
    with tracing.tracer.start_as_current_span("app"):
        ranked = voyage.rerank(QUESTION, [FUJI, EVEREST, LAKE], "rerank-2.5", top_k=2)
        context = "\n\n".join(row.document for row in ranked.results)
        ask(client({"choices": [SAID], "usage": USAGE}), f"Context:\n{context}\n\nQuestion: {QUESTION}")
    (chain,) = chains([from_readable(span) for span in tracing.spans]).chains
    assert [(p.text, p.retrieved_rank, p.prompt_rank) for p in chain.context] == [(EVEREST, 2, 1), (FUJI, 1, 2)]
    assert (chain.question, chain.model) == (QUESTION, MODEL)
