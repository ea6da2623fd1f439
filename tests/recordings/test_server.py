"""The workshop's server says what `truth` says: in the order of its vectors, in its answers, whole and streamed."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from recordings import truth
from recordings.receiver import Receiver
from recordings.server import AnswerServer


@pytest.fixture(scope="module")
def server() -> Iterator[AnswerServer]:
    server = AnswerServer()
    yield server
    server.close()


def post(url: str, body: Any, kind: str = "application/json") -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return bytes(answer.read())


def ask(server: AnswerServer, content: str, **more: Any) -> dict[str, Any]:
    body = {"model": truth.MODEL, "messages": [{"role": "user", "content": content}], **more}
    found: dict[str, Any] = json.loads(post(f"{server.url}/chat/completions", body))
    return found


@pytest.mark.parametrize("request_", truth.REQUESTS, ids=lambda r: r.name)
def test_answers_and_tokens_are_the_true_ones(server: AnswerServer, request_: truth.Request) -> None:
    prompt = truth.answer_prompt(request_.question, truth.texts(request_.prompt))
    found = ask(server, prompt)
    assert found["choices"][0]["message"]["content"] == request_.answer
    usage = found["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (request_.tokens.input, request_.tokens.output)
    assert usage["prompt_tokens_details"]["cached_tokens"] == request_.tokens.cached


def test_a_stream_says_the_same(server: AnswerServer) -> None:
    one = truth.request("rewritten")
    body = {"messages": [{"role": "user", "content": one.question}], "stream": True}
    lines = post(f"{server.url}/chat/completions", {**body, "stream_options": {"include_usage": True}}).decode()
    chunks = [json.loads(line[6:]) for line in lines.splitlines() if line.startswith("data: {")]
    said = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert said == one.answer
    assert chunks[-1]["usage"]["completion_tokens"] == one.tokens.output
    assert lines.rstrip().endswith("data: [DONE]")


@pytest.mark.parametrize("request_", [r for r in truth.REQUESTS if r.retrieved], ids=lambda r: r.name)
def test_vectors_lead_to_the_passages_in_their_order(server: AnswerServer, request_: truth.Request) -> None:
    texts = [*truth.CORPUS.values(), request_.search]
    rows = json.loads(post(f"{server.url}/embeddings", {"model": truth.EMBEDDING_MODEL, "input": texts}))["data"]
    *passages, query = [row["embedding"] for row in rows]
    near = {n: sum(a * b for a, b in zip(v, query, strict=True)) for n, v in zip(truth.CORPUS, passages, strict=True)}
    assert tuple(sorted(near, key=lambda n: -near[n])[: len(request_.retrieved)]) == request_.retrieved


def test_the_reranker_and_the_rewriting_are_the_true_ones(server: AnswerServer) -> None:
    one = truth.request("reranked")
    body = {"query": one.question, "documents": truth.texts(one.retrieved), "top_n": 2}
    results = json.loads(post(f"{server.address}/v2/rerank", body))["results"]
    assert tuple(one.retrieved[r["index"]] for r in results) == one.reranked
    rewritten = truth.request("rewritten")
    found = ask(server, truth.rewrite_prompt(rewritten.question))
    assert found["choices"][0]["message"]["content"] == rewritten.query


def test_the_responses_api_says_the_same(server: AnswerServer) -> None:
    one = truth.request("plain")
    found = json.loads(post(f"{server.url}/responses", {"instructions": truth.SYSTEM, "input": one.question}))
    assert found["output"][0]["content"][0]["text"] == one.answer
    assert found["usage"]["input_tokens_details"]["cached_tokens"] == one.tokens.cached


def test_a_tool_is_called_before_the_answer(server: AnswerServer) -> None:
    one = truth.request("plain")
    tool = {"type": "function", "function": {"name": "search", "parameters": {"properties": {"q": {}}}}}
    call = ask(server, one.question, tools=[tool])["choices"][0]["message"]["tool_calls"][0]["function"]
    assert (call["name"], json.loads(call["arguments"])) == ("search", {"q": one.question})


def test_the_receiver_keeps_protobuf_as_json_with_ids_in_hex() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    sent = ExportTraceServiceRequest()
    span = sent.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = bytes(range(16)), bytes(range(8)), "one"
    receiver = Receiver()
    try:
        post(f"{receiver.url}/v1/traces", sent.SerializeToString(), "application/x-protobuf")
        (kept,) = receiver.requests
    finally:
        receiver.close()
    (one,) = kept["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (one["traceId"], one["spanId"], one["name"]) == (bytes(range(16)).hex(), bytes(range(8)).hex(), "one")
