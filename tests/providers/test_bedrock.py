"""What is Bedrock's own: bodies of many makers, read in many ways, and errors inside a stream."""

import gc
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EventStreamError

from conformance.bedrock_cases import (
    AGENTS,
    ANSWER,
    ANSWERED_CLAUDE,
    ASKED_CLAUDE,
    ASKS,
    CITED,
    CLAUDE,
    CLAUDE_BODY,
    CLAUDE_SAID,
    CONVERSE,
    CONVERSE_EVENTS,
    CONVERSED,
    MORE,
    QUESTION,
    chunks_of,
)
from conformance.bedrock_wire import Answer, event, opens
from conformance.cases import Case, decoded
from conformance.harness import expected, opened, outcome, traced, untraced, whole
from groundwire.chain import chains
from groundwire.records import from_readable
from groundwire_instrumentation.bedrock import PROVIDER


@pytest.mark.parametrize("case", MORE, ids=str)
async def test_every_body_is_read_as_its_maker_writes_it(case: Case) -> None:
    with traced(PROVIDER) as tracing:
        assert await outcome(case, await opened(case, "answer")) == await untraced(case, "answer")
        assert whole(tracing.span) == expected(case, {**case.asked, **case.answered})


def _quiet() -> None:
    """Nobody wants to know when it was served."""


def _read_into(body: Any) -> bytes:
    read, piece = b"", bytearray(16)
    while count := body.readinto(piece):
        read += piece[:count]
    return read


def _lines(body: Any) -> bytes:
    return b"".join(iter(body.readline, b""))


READS: dict[str, Callable[[Any], bytes]] = {
    "at once": lambda body: body.read(),
    "in pieces": lambda body: b"".join(iter(lambda: body.read(10), b"")),
    "iterated": lambda body: b"".join(body),
    "by next": lambda body: next(body) + b"".join(body),
    "into a buffer": _read_into,
    "line by line": _lines,
    "all lines": lambda body: b"".join(body.readlines()),
    "by json": lambda body: json.dumps(json.load(body)).encode(),
    "to its known length": lambda body: body.read(len(json.dumps(CLAUDE_SAID))),
}


@pytest.mark.parametrize("name", READS)
def test_a_body_is_read_along_however_the_application_reads_it(name: str) -> None:
    with traced(PROVIDER) as tracing:
        client = opens(Answer(CLAUDE_SAID))("answer", lambda: None)
        response = client.invoke_model(modelId=CLAUDE, body=json.dumps(CLAUDE_BODY))
        assert isinstance(response["body"], io.IOBase)
        assert tracing.spans == []
        assert READS[name](response["body"]) == json.dumps(CLAUDE_SAID).encode()
        del response
        gc.collect()
        tracing.wait_for(1)
        attributes = decoded(tracing.span.attributes)
        assert attributes.items() >= {**ASKED_CLAUDE, **ANSWERED_CLAUDE}.items()


def test_a_body_that_is_never_read_is_a_call_without_an_answer() -> None:
    headers = {"x-amzn-bedrock-input-token-count": "12", "x-amzn-bedrock-output-token-count": "9"}
    with traced(PROVIDER) as tracing:
        client = opens(Answer(CLAUDE_SAID, headers=headers))("answer", lambda: None)
        client.invoke_model(modelId=CLAUDE, body=json.dumps(CLAUDE_BODY))["body"].close()
        attributes = decoded(tracing.span.attributes)
        assert "gen_ai.output.messages" not in attributes
        assert attributes["gen_ai.usage.input_tokens"] == 12
        assert "error.type" not in attributes


def test_an_error_inside_a_stream_keeps_what_came_before_it() -> None:
    failed = [*CONVERSE_EVENTS[:3], event("modelStreamErrorException", {"message": "overloaded"}, kind="exception")]
    with traced(PROVIDER) as tracing:
        client = opens(Answer(events=failed))("answer", lambda: None)
        with pytest.raises(EventStreamError, match="overloaded"):
            list(client.converse_stream(**CONVERSE)["stream"])
        attributes = decoded(tracing.span.attributes)
        assert attributes["error.type"] == "EventStreamError"
        assert attributes["gen_ai.output.messages"][0]["parts"][1] == {"type": "text", "content": "Everest is "}


def test_other_services_and_unreadable_bodies_are_left_alone() -> None:
    with traced(PROVIDER) as tracing:
        client = opens(Answer({"inputTokens": 5}))("answer", lambda: None)
        asked = {"converse": {"messages": [{"role": "user", "content": [{"text": QUESTION}]}]}}
        assert client.count_tokens(modelId=CLAUDE, input=asked)["inputTokens"] == 5
        assert tracing.spans == []
        client = opens(Answer({"answer": ANSWER}))("answer", lambda: None)
        for body in (b"\xff no JSON", b"[]", io.BytesIO(b"{}"), b'{"messages": 3}'):
            client.invoke_model(modelId=CLAUDE, body=body)["body"].read()
        assert len(tracing.spans) == 4


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x", "us.anthropic.claude-x"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("arn:aws:bedrock:us-east-1:1:provisioned-model/abc", "arn:aws:bedrock:us-east-1:1:provisioned-model/abc"),
    ],
)
def test_the_model_of_an_arn_is_named_where_the_arn_names_it(given: str, model: str) -> None:
    with traced(PROVIDER) as tracing:
        opens(Answer({}))("answer", lambda: None).converse(**{**CONVERSE, "modelId": given})
        assert decoded(tracing.span.attributes)["gen_ai.request.model"] == model


def test_tool_calls_of_a_body_in_openai_s_words_are_put_together() -> None:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "reasoning": "Hm."},
        {"content": "I look. "},
        {"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "height", "arguments": '{"of": '}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"K2"}'}}]},
        {},
    ]
    chunks = [{"id": "c-1", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks[-1]["choices"][0]["finish_reason"] = "tool_calls"
    counts = {"prompt_tokens": 12, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 2}}
    model = "openai.gpt-oss-120b-1:0"
    with traced(PROVIDER) as tracing:
        client = opens(Answer(events=chunks_of(*chunks, {"id": "c-1", "choices": [], "usage": counts})))(
            "answer", _quiet
        )
        body = json.dumps({"messages": [{"role": "user", "content": QUESTION}]})
        list(client.invoke_model_with_response_stream(modelId=model, body=body)["body"])
    got = decoded(tracing.span.attributes)
    assert got["gen_ai.output.messages"][0]["parts"] == [
        {"type": "reasoning", "content": "Hm."},
        {"type": "text", "content": "I look. "},
        {"type": "tool_call", "id": "t1", "name": "height", "arguments": '{"of": "K2"}'},
    ]
    assert got["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert (got["gen_ai.usage.output_tokens"], got["gen_ai.usage.reasoning.output_tokens"]) == (9, 2)


@pytest.mark.parametrize("terms", [{"serviceTier": {"type": "flex"}}, {"performanceConfig": {"latency": "optimized"}}])
def test_terms_without_a_known_price_have_no_cost(terms: dict[str, Any]) -> None:
    with traced(PROVIDER) as tracing:
        client = opens(Answer(CONVERSED))("answer", _quiet)
        client.converse(**CONVERSE)
        client.converse(**CONVERSE, **terms)
    usual, special = (dict(span.attributes or {}) for span in tracing.spans)
    assert "gen_ai.usage.cost" in usual
    assert "gen_ai.usage.cost" not in special
    assert usual["gen_ai.usage.input_tokens"] == special["gen_ai.usage.input_tokens"] == 1120


def test_a_knowledge_base_is_a_store_and_reranks_without_a_body() -> None:
    found = [
        {
            "content": {"type": "TEXT", "text": ANSWER},
            "location": {"type": "S3", "s3Location": {"uri": "s3://peaks/everest.txt"}},
            "score": 0.75,
            "metadata": {"page": 3},
        }
    ]
    with traced(PROVIDER) as tracing:
        client = opens(Answer({"retrievalResults": found}), "bedrock-agent-runtime")("answer", _quiet)
        settings = {"vectorSearchConfiguration": {"numberOfResults": 2}}
        client.retrieve(
            knowledgeBaseId="KB12345678", retrievalQuery={"text": QUESTION}, retrievalConfiguration=settings
        )
        ranked = [{"index": 1, "relevanceScore": 0.9}, {"index": 0, "relevanceScore": 0.1}]
        client = opens(Answer({"results": ranked}), "bedrock-agent-runtime")("answer", _quiet)
        arn = "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"
        client.rerank(
            queries=[{"type": "TEXT", "textQuery": {"text": QUESTION}}],
            sources=[
                {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}
                for text in ("K2", ANSWER)
            ],
            rerankingConfiguration={
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": {"numberOfResults": 2, "modelConfiguration": {"modelArn": arn}},
            },
        )
    retrieved, reranked = (decoded(span.attributes) for span in tracing.spans)
    assert [span.name for span in tracing.spans] == ["retrieval KB12345678", "rerank cohere.rerank-v3-5:0"]
    assert (retrieved["gen_ai.retrieval.query.text"], retrieved["gen_ai.retrieval.top_k"]) == (QUESTION, 2)
    assert retrieved["gen_ai.retrieval.documents"] == [
        {"id": "s3://peaks/everest.txt", "score": 0.75, "content": ANSWER, "metadata": {"page": 3}}
    ]
    assert reranked["gen_ai.retrieval.query.text"] == QUESTION
    assert reranked["groundwire.rerank.input_documents"] == [{"content": "K2"}, {"content": ANSWER}]
    assert reranked["gen_ai.retrieval.documents"] == [
        {"score": 0.9, "content": ANSWER},
        {"score": 0.1, "content": "K2"},
    ]


def test_a_managed_knowledge_base_tells_rows_and_what_was_said_in_sound() -> None:
    row = [
        {"columnName": "peak", "type": "STRING", "columnValue": "Everest"},
        {"columnName": "m", "columnValue": "8849"},
    ]
    found = [
        {"content": {"type": "ROW", "row": row}, "location": {"type": "SQL", "sqlLocation": {"query": "SELECT 1"}}},
        {"content": {"type": "AUDIO", "audio": {"s3Uri": "s3://a", "transcription": ANSWER}}, "documentId": "d"},
    ]
    with traced(PROVIDER) as tracing:
        client = opens(Answer({"retrievalResults": found}), "bedrock-agent-runtime")("answer", _quiet)
        settings = {"managedSearchConfiguration": {"numberOfResults": 5}}
        client.retrieve(
            knowledgeBaseId="KB12345678", retrievalQuery={"text": QUESTION}, retrievalConfiguration=settings
        )
    got = decoded(tracing.span.attributes)
    assert got["gen_ai.retrieval.top_k"] == 5
    assert got["gen_ai.retrieval.documents"] == [
        {"id": "SELECT 1", "content": "peak: Everest\nm: 8849"},
        {"id": "d", "content": ANSWER},
    ]


def test_an_answer_out_of_a_knowledge_base_is_judged_by_what_it_cites() -> None:
    said = {"sessionId": "s-1", "output": {"text": ANSWER}, "citations": [CITED]}
    with traced(PROVIDER) as tracing:
        opens(Answer(said), AGENTS)("answer", _quiet).retrieve_and_generate(**ASKS)
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert (chain.question, chain.answer) == (QUESTION, ANSWER)
    assert [passage.text for passage in chain.passages] == [ANSWER]


def test_an_answer_out_of_files_that_was_blocked_says_so() -> None:
    source = {
        "sourceType": "BYTE_CONTENT",
        "byteContent": {"identifier": "a", "contentType": "text/plain", "data": b"x"},
    }
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
    given = {"type": "EXTERNAL_SOURCES", "externalSourcesConfiguration": {"modelArn": arn, "sources": [source]}}
    said = {"sessionId": "s-2", "output": {"text": "No."}, "citations": [], "guardrailAction": "INTERVENED"}
    with traced(PROVIDER) as tracing:
        client = opens(Answer(said), AGENTS)("answer", _quiet)
        client.retrieve_and_generate(input={"text": QUESTION}, sessionId="s-2", retrieveAndGenerateConfiguration=given)
    got = decoded(tracing.span.attributes)
    assert (tracing.span.name, got["gen_ai.conversation.id"]) == ("chat amazon.nova-lite-v1:0", "s-2")
    assert got["gen_ai.response.finish_reasons"] == ("content_filter",)
    assert got["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "No.", "refusal": True}]
    assert got["gen_ai.retrieval.documents"] == []


def test_what_a_prompt_with_passages_in_it_took_is_not_estimated() -> None:
    events = [event("output", {"text": "Everest "}), event("citation", CITED), event("output", {"text": "is"})]
    with traced(PROVIDER) as tracing:
        client = opens(Answer(events=events), AGENTS)("answer", _quiet)
        stream = iter(client.retrieve_and_generate_stream(**ASKS)["stream"])
        next(stream), next(stream)
        del stream
        gc.collect()
        tracing.wait_for(1)
    got = decoded(tracing.span.attributes)
    assert got["groundwire.stream.incomplete"]
    assert got["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Everest "}]
    assert not any(key.startswith("gen_ai.usage.") for key in got)


@pytest.mark.parametrize(
    "model", ["amazon.titan-image-generator-v2:0", "amazon.nova-canvas-v1:0", "stability.sd3-5-large-v1:0"]
)
def test_a_picture_is_no_chat(model: str) -> None:
    with traced(PROVIDER) as tracing:
        client = opens(Answer({"images": ["aGFsbG8="]}))("answer", _quiet)
        assert b"images" in client.invoke_model(modelId=model, body=json.dumps({"prompt": QUESTION}))["body"].read()
    assert tracing.spans == []


NEPAL = {"document": {"format": "txt", "name": "peaks", "source": {"text": f"{ANSWER}\n\nIt is in Nepal."}}}
FUJI = {"searchResult": {"source": "s3://f", "title": "Fuji", "content": [{"text": "Fuji is 3,776 m high."}]}}
CALLED = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "find", "input": {}}}]}
FOUND = {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [NEPAL, FUJI]}}]}
ASKING = {"role": "user", "content": [{"text": QUESTION}]}


@pytest.mark.parametrize(
    "messages",
    [[{"role": "user", "content": [NEPAL, FUJI, {"text": QUESTION}]}], [ASKING, CALLED, FOUND]],
    ids=["handed over", "found by a tool"],
)
def test_documents_and_search_results_are_the_answer_s_passages(messages: list[Any]) -> None:
    message = {"role": "assistant", "content": [{"text": ANSWER}]}
    with traced(PROVIDER) as tracing:
        client = opens(Answer({"output": {"message": message}, "stopReason": "end_turn"}))("answer", _quiet)
        client.converse(modelId=CLAUDE, messages=messages)
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert chain.question == QUESTION
    assert [(p.text, p.id) for p in chain.passages] == [
        (f"{ANSWER}\n\nIt is in Nepal.\ntitle: peaks", None),
        ("Fuji is 3,776 m high.", "s3://f"),
    ]


def test_what_an_answer_is_to_be_grounded_in_is_its_passage() -> None:
    guarded = [
        {"guardContent": {"text": {"text": ANSWER, "qualifiers": ["grounding_source"]}}},
        {"guardContent": {"text": {"text": QUESTION, "qualifiers": ["query"]}}},
    ]
    message = {"role": "assistant", "content": [{"text": ANSWER}]}
    with traced(PROVIDER) as tracing:
        client = opens(Answer({"output": {"message": message}, "stopReason": "end_turn"}))("answer", _quiet)
        client.converse(modelId=CLAUDE, messages=[{"role": "user", "content": guarded}])
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert (chain.question, [p.text for p in chain.passages]) == (QUESTION, [ANSWER])


def test_documents_in_a_body_of_cohere_are_the_answer_s_passages() -> None:
    body = {"message": QUESTION, "documents": [{"title": "Everest", "snippet": ANSWER}]}
    with traced(PROVIDER) as tracing:
        client = opens(Answer({"text": ANSWER, "finish_reason": "COMPLETE"}))("answer", _quiet)
        client.invoke_model(modelId="cohere.command-r-plus-v1:0", body=json.dumps(body))["body"].read()
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert (chain.question, chain.answer) == (QUESTION, ANSWER)
    assert [p.text for p in chain.passages] == [f"title: Everest\nsnippet: {ANSWER}"]


def test_search_results_in_a_body_of_claude_are_the_answer_s_passages() -> None:
    found = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": ANSWER}]}
    body = {"messages": [{"role": "user", "content": [found, {"type": "text", "text": QUESTION}]}], "max_tokens": 9}
    said = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": ANSWER}]}
    with traced(PROVIDER) as tracing:
        client = opens(Answer(said))("answer", _quiet)
        client.invoke_model(modelId=CLAUDE, body=json.dumps(body))["body"].read()
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert (chain.question, [(p.text, p.id) for p in chain.passages]) == (QUESTION, [(ANSWER, "s")])
