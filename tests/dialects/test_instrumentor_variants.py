"""What the sources of the instrumentors write beside what was recorded."""

import json
from typing import Any

import pytest

from groundwire.answers import answers
from groundwire.assembly import assemble
from groundwire.chain import chains
from groundwire.chain_index import ChainIndex, Material
from groundwire.dialects import DIALECT, canonical
from groundwire.dialects.gen_ai import CallView, message_text, tool_results, view
from groundwire.model import NoChain, SpanEvent, SpanRecord

TRACE = "0af7651916cd43dd8448eb211c80319c"
PASSAGE = "The Heron 3 pump runs for 14 hours on one charge and takes 90 minutes to charge fully."
OTHER = "Every Heron pump has a warranty of 36 months from the day on which it was bought."
QUESTION = "How long does the Heron 3 run?"
PROMPT = f"Context:\n{PASSAGE}\n\nQuestion: {QUESTION}"


def span(
    attributes: dict[str, Any],
    *events: SpanEvent,
    at: int = 0,
    lasts: int = 1,
    scope: str = "",
    version: str = "",
    status: Any = "unset",
    parent: str | None = None,
    name: str = "call",
) -> SpanRecord:
    return SpanRecord(
        TRACE, f"{at + 1:016x}", name, at * 1000, (at + lasts) * 1000, parent,
        attributes=attributes, events=events, scope=scope, scope_version=version, status=status,
    )  # fmt: skip


def call(record: SpanRecord) -> CallView:
    found = view(canonical(record))
    assert found is not None
    return found


def event(name: str, **attributes: Any) -> SpanEvent:
    return SpanEvent(name, 1, attributes)


# --- OpenLLMetry ----------------------------------------------------------------------------------------------------


def indexed(**more: Any) -> dict[str, Any]:
    return {
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": PROMPT,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "14 hours.",
        "gen_ai.completion.0.finish_reason": "stop",
    } | more


def test_numbered_messages_stand_in_the_order_of_their_numbers() -> None:
    attributes = {f"gen_ai.prompt.{n}.{key}": text for n in (10, 2, 0) for key, text in (("content", f"said {n}"),)}
    attributes = (
        {k: v for k, v in indexed().items() if "prompt" not in k} | attributes | {"gen_ai.prompt.0.role": "system"}
    )
    found = call(span(attributes))
    assert [(m["role"], message_text(m)) for m in found.prompt] == [
        ("system", "said 0"),
        ("user", "said 2"),
        ("user", "said 10"),
    ]
    assert (found.provider, found.model, found.kind) == ("openai", "gpt-4o-mini", "chat")


def test_blocks_of_a_numbered_message_are_read_and_text_that_is_json_stays_text() -> None:
    blocks = json.dumps([{"type": "text", "text": PROMPT}, {"type": "image_url", "image_url": {"url": "data:"}}])
    assert message_text(call(span(indexed(**{"gen_ai.prompt.0.content": blocks}))).prompt[0]) == PROMPT
    for text in ('{"answer": 42}', "[1, 2]", '["a"]', "{half", "[1] is cited"):
        assert message_text(call(span(indexed(**{"gen_ai.completion.0.content": text}))).output[0]) == text


def test_a_call_of_a_tool_with_an_empty_text_in_quotes_says_nothing() -> None:
    """As LangChain's was told until 0.47."""
    calls = {"gen_ai.completion.0.tool_calls.0.name": "search", "gen_ai.completion.0.tool_calls.0.arguments": "{}"}
    (told,) = call(span(indexed(**{"gen_ai.completion.0.content": '""', **calls}))).output
    assert message_text(told) == ""
    assert [part["type"] for part in told["parts"]] == ["tool_call"]


def test_numbered_tool_calls_and_their_results() -> None:
    found = call(
        span(
            indexed(
                **{
                    "gen_ai.prompt.1.role": "assistant",
                    "gen_ai.prompt.1.tool_calls.0.id": "c1",
                    "gen_ai.prompt.1.tool_calls.0.name": "find",
                    "gen_ai.prompt.1.tool_calls.0.arguments": '{"q": "pump"}',
                    "gen_ai.prompt.2.role": "tool",
                    "gen_ai.prompt.2.tool_call_id": "c1",
                    "gen_ai.prompt.2.content": PASSAGE,
                }
            )
        )
    )
    assert found.prompt[1]["parts"] == [{"type": "tool_call", "name": "find", "arguments": {"q": "pump"}, "id": "c1"}]
    assert tool_results(found.prompt[2]) == [PASSAGE]


def test_several_choices_are_several_messages() -> None:
    more = {"gen_ai.completion.1.role": "assistant", "gen_ai.completion.1.content": "Fourteen."}
    assert [message_text(m) for m in call(span(indexed(**more))).output] == ["14 hours.", "Fourteen."]


def test_tokens_under_their_older_names() -> None:
    found = call(
        span(
            indexed(
                **{
                    "gen_ai.usage.prompt_tokens": 171,
                    "gen_ai.usage.completion_tokens": 14,
                    "gen_ai.usage.cache_read_input_tokens": 128,
                    "llm.usage.reasoning_tokens": 3,
                }
            )
        )
    )
    assert found.usage is not None
    assert (found.usage.input_tokens, found.usage.output_tokens) == (171, 14)
    assert (found.usage.cache_read_tokens, found.usage.reasoning_tokens) == (128, 3)


def test_bedrock_counts_what_was_cached_apart() -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 43,
        "gen_ai.usage.output_tokens": 14,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_creation.input_tokens": 28,
    }
    of_bedrock, of_openai = (f"opentelemetry.instrumentation.{name}" for name in ("bedrock", "openai.v1"))
    for scope, expected in ((of_bedrock, 171), (of_openai, 43)):
        usage = call(span(attributes, scope=scope)).usage
        assert usage is not None
        assert usage.input_tokens == expected


def test_a_rerank_is_documents_as_system_messages_and_a_query() -> None:
    found = call(
        span(
            {
                "llm.request.type": "rerank",
                "gen_ai.request.model": "rerank-v3.5",
                "gen_ai.prompt.0.role": "system",
                "gen_ai.prompt.0.content": OTHER,
                "gen_ai.prompt.1.role": "system",
                "gen_ai.prompt.1.content": PASSAGE,
                "gen_ai.prompt.2.role": "user",
                "gen_ai.prompt.2.content": QUESTION,
                "gen_ai.completion.0.role": "assistant",
                "gen_ai.completion.0.content": "Doc 1, Score: 0.93",
                "gen_ai.completion.1.role": "assistant",
                "gen_ai.completion.1.content": f"Doc 0, Score: 0.11\n{OTHER}",
            }
        )
    )
    assert (found.kind, found.query) == ("rerank", QUESTION)
    assert [(d.text, d.score) for d in found.documents] == [(PASSAGE, 0.93), (OTHER, 0.11)]


@pytest.mark.parametrize(
    ("told", "score"),
    [
        (
            {
                "db.query.result.id": "b",
                "db.query.result.score": 0.9,
                "db.query.result.metadata": f"{{'text': {PASSAGE!r}}}",
            },
            0.9,
        ),
        (
            {
                "db.query.result.id": "b",
                "db.query.result.metadata": json.dumps({"_node_content": json.dumps({"text": PASSAGE})}),
            },
            None,
        ),
        ({"_id": "b", "_score": 0.8, "content": PASSAGE}, 0.8),
    ],
)
def test_a_result_of_other_stores(told: dict[str, Any], score: float | None) -> None:
    (found,) = call(span({"db.system": "pinecone"}, event("db.query.result", **told))).documents
    assert (found.id, found.text, found.score) == ("b", PASSAGE, score)


def test_a_hit_of_milvus_has_its_distance_as_text() -> None:
    told = {
        "db.search.query.id": 0,
        "db.search.result.id": 7,
        "db.search.result.distance": "0.25",
        "db.search.result.entity": str({"text": PASSAGE}),
    }
    (found,) = call(
        span({"db.system": "milvus", "db.operation": "search"}, event("db.search.result", **told))
    ).documents
    assert (found.id, found.text, found.score) == ("7", PASSAGE, 0.25)


def test_a_search_that_does_not_tell_what_it_found_is_a_retrieval_all_the_same() -> None:
    assert call(span({"db.system": "qdrant"}, name="qdrant.query_points")).documents == ()
    for attributes, name in (
        ({"db.system": "qdrant"}, "qdrant.upsert"),
        ({"db.system": "chroma", "db.operation": "add"}, "chroma.add"),
        ({"db.system": "postgresql", "db.operation": "query"}, "query"),
    ):
        assert view(canonical(span(attributes, name=name))) is None


def test_chroma_until_0_62_told_the_first_result_alone() -> None:
    attributes = {
        "db.system": "chroma",
        "db.operation": "query",
        "db.chroma.query.texts_count": 1,
        "db.chroma.query.n_results": 2,
    }
    result = event("db.query.result", **{"db.query.result.id": "b", "db.query.result.document": PASSAGE})
    for version, count, texts in (
        ("0.47.5", 2, [None]),
        ("0.61.0", 2, [None]),
        ("0.47.5", 1, [PASSAGE]),
        ("0.62.0", 2, [PASSAGE]),
        ("1.3.0", 2, [PASSAGE]),
        ("", 2, [None]),
    ):
        found = call(span(attributes | {"db.chroma.query.n_results": count}, result, version=version))
        assert [d.text for d in found.documents] == texts, (version, count)


@pytest.mark.parametrize(
    "output",
    [
        [PASSAGE, OTHER],
        [{"page_content": PASSAGE, "metadata": {}}, {"page_content": OTHER}],
        {"documents": [{"page_content": PASSAGE}, {"page_content": OTHER}], "count": 2},
        [{"node": {"id_": n, "text": text}, "score": 0.5} for n, text in (("b", PASSAGE), ("w", OTHER))],
    ],
)
def test_a_function_that_its_author_calls_a_retriever(output: Any) -> None:
    attributes = {
        "traceloop.span.kind": "task",
        "traceloop.entity.name": "retrieve_documents",
        "traceloop.entity.input": json.dumps({"args": [QUESTION], "kwargs": {}}),
        "traceloop.entity.output": json.dumps(output),
    }
    found = call(span(attributes))
    assert (found.kind, found.query) == ("retrieval", QUESTION)
    assert [d.text for d in found.documents] == [PASSAGE, OTHER]
    assert call(span(attributes | {"traceloop.entity.name": "rerank"})).kind == "rerank"
    assert view(canonical(span(attributes | {"traceloop.entity.name": "summarise"}))) is None


def test_a_workflow_tells_what_went_in_and_out() -> None:
    told = canonical(
        span(
            {
                "traceloop.span.kind": "workflow",
                "traceloop.entity.name": "shop",
                "traceloop.entity.input": json.dumps({"args": [], "kwargs": {"question": QUESTION}}),
                "traceloop.entity.output": json.dumps("14 hours."),
            }
        )
    ).attributes
    assert (told["gen_ai.operation.name"], told["gen_ai.agent.name"]) == ("invoke_workflow", "shop")
    assert (told["input.value"], told["output.value"]) == (QUESTION, "14 hours.")


def test_a_chain_of_langchain_around_a_client_is_one_chain_and_one_bill() -> None:
    usage = {"gen_ai.usage.prompt_tokens": 171, "gen_ai.usage.completion_tokens": 14}
    outer = span(indexed(**usage), at=10, lasts=9, scope="opentelemetry.instrumentation.langchain")
    inner = span(
        indexed(**usage), at=12, lasts=5, scope="opentelemetry.instrumentation.openai.v1", parent=outer.span_id
    )
    assembly = chains([outer, inner])
    assert [c.span_id for c in assembly.chains] == [inner.span_id]
    assert [r.reason for r in assembly.rejected] == ["duplicate"]
    (answer,) = answers([outer, inner])
    assert answer.tokens == (171, 14)


def of_the_client(at: int, parent: str) -> SpanRecord:
    """As Anthropic's client traces itself today: tokens, and neither content nor cost."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.id": "msg_1",
        "gen_ai.usage.input_tokens": 171,
        "gen_ai.usage.output_tokens": 14,
    }
    return span(attributes, at=at, lasts=3, scope="com.anthropic.sdk.python", parent=parent)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_a_client_that_traces_itself_is_one_chain_and_one_bill_with_the_span_beside_it(
    inside: bool, named: bool
) -> None:
    root = span({"service.name": "shop"}, at=0, lasts=30)
    told = {"gen_ai.usage.cost": 0.25} | ({"gen_ai.response.id": "msg_1"} if named else {})
    usage = {"gen_ai.usage.prompt_tokens": 171, "gen_ai.usage.completion_tokens": 14}
    outer = span(indexed(**told, **usage), at=10, lasts=9, scope="opentelemetry.instrumentation.x", parent=root.span_id)
    client = of_the_client(12, outer.span_id if inside else root.span_id)
    spans = [root, outer, client]
    assembly = chains(spans)
    assert [c.span_id for c in assembly.chains] == [outer.span_id]
    assert [r.reason for r in assembly.rejected] == ["no_content"]
    (answer,) = answers(spans)
    assert (answer.tokens, answer.cost_usd) == ((171, 14), 0.25)
    index = ChainIndex()
    for record in sorted(spans, key=lambda s: s.end_ns):
        index.add(canonical(record))
    assert index.request_cost(TRACE) == (0.25, 185)


def test_calls_one_after_the_other_are_two_though_a_server_gives_both_one_id() -> None:
    usage = {"gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 1, "gen_ai.response.id": "same"}
    root = span({"service.name": "shop"}, at=0, lasts=40)
    spans = [root, *(span(indexed(**usage), at=at, scope=f"s{at}", parent=root.span_id) for at in (10, 20))]
    (*_, last) = answers(spans)
    assert last.tokens == (20, 2)


# --- content in events ----------------------------------------------------------------------------------------------

_OLD = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}


@pytest.mark.parametrize(
    "events",
    [
        # OpenTelemetry's: the message is the body of a log record.
        (
            event("gen_ai.user.message", **{"gen_ai.system": "openai", "body": {"content": PROMPT}}),
            event(
                "gen_ai.choice",
                body={"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "14."}},
            ),
        ),
        # Semantic Kernel's: the body is JSON text.
        (
            event("gen_ai.user.message", body=json.dumps({"role": "user", "content": PROMPT})),
            event("gen_ai.choice", body=json.dumps({"index": 0, "message": {"role": "assistant", "content": "14."}})),
        ),
        # Azure's: span events with the body in an attribute.
        (
            event("gen_ai.user.message", **{"gen_ai.event.content": json.dumps({"role": "user", "content": PROMPT})}),
            event("gen_ai.choice", **{"gen_ai.event.content": json.dumps({"index": 0, "message": {"content": "14."}})}),
        ),
        # Strands': span events whose attributes are the body.
        (
            event("gen_ai.user.message", content=json.dumps([{"text": PROMPT}])),
            event("gen_ai.choice", message=json.dumps([{"text": "14."}]), finish_reason="end_turn"),
        ),
        # Google's: a content with parts.
        (
            event("gen_ai.user.message", body={"content": {"role": "user", "parts": [{"text": PROMPT}]}}),
            event("gen_ai.choice", body={"index": 0, "content": {"role": "model", "parts": [{"text": "14."}]}}),
        ),
        # Before 1.28: one event for the prompt, one for the completion.
        (
            event("gen_ai.content.prompt", **{"gen_ai.prompt": json.dumps([{"role": "user", "content": PROMPT}])}),
            event(
                "gen_ai.content.completion",
                **{"gen_ai.completion": json.dumps([{"role": "assistant", "content": "14."}])},
            ),
        ),
        # The same, as text.
        (
            event("gen_ai.content.prompt", **{"gen_ai.prompt": PROMPT}),
            event("gen_ai.content.completion", **{"gen_ai.completion": "14."}),
        ),
        # Today's: one event with all, as structure, as JSON, or in the body.
        (
            event(
                "gen_ai.client.inference.operation.details",
                **{
                    "gen_ai.input.messages": ({"role": "user", "parts": ({"type": "text", "content": PROMPT},)},),
                    "gen_ai.output.messages": json.dumps(
                        [{"role": "assistant", "parts": [{"type": "text", "content": "14."}]}]
                    ),
                },
            ),
        ),
        (
            event(
                "gen_ai.client.inference.operation.details",
                body={
                    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}],
                    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "14."}]}],
                },
            ),
        ),
    ],
)
def test_content_in_events(events: tuple[SpanEvent, ...]) -> None:
    found = call(span(_OLD, *events))
    assert [(m["role"], message_text(m)) for m in found.prompt] == [("user", PROMPT)]
    assert [(m["role"], message_text(m)) for m in found.output] == [("assistant", "14.")]
    assert found.provider == "openai"
    (chain,) = chains([span(_OLD, *events)]).chains
    assert [p.text for p in chain.passages] == [PASSAGE]


def test_content_in_attributes_of_older_names() -> None:
    """As Spring AI and early OpenLIT wrote it."""
    for prompt in (PROMPT, (PROMPT,), json.dumps([{"role": "user", "content": PROMPT}])):
        found = call(span({**_OLD, "gen_ai.prompt": prompt, "gen_ai.completion": ("14.",)}))
        assert [message_text(m) for m in (*found.prompt, *found.output)] == [PROMPT, "14."]


def test_choices_stand_by_their_index_and_tools_answer() -> None:
    found = call(
        span(
            _OLD,
            event("gen_ai.system.message", body={"content": "Be brief."}),
            event("gen_ai.assistant.message", body={"tool_calls": [{"id": "c", "function": {"name": "find"}}]}),
            event("gen_ai.tool.message", body={"id": "c", "content": PASSAGE}),
            event("gen_ai.choice", body={"index": 1, "message": {"role": "assistant", "content": "second"}}),
            event("gen_ai.choice", body={"index": 0, "message": {"role": "assistant", "content": "first"}}),
        )
    )
    assert [m["role"] for m in found.prompt] == ["system", "assistant", "tool"]
    assert tool_results(found.prompt[2]) == [PASSAGE]
    assert [message_text(m) for m in found.output] == ["first", "second"]


def test_content_that_is_held_back_by_policy_is_no_content() -> None:
    events = (
        event("gen_ai.user.message", **{"gen_ai.system": "openai"}),
        event("gen_ai.choice", body={"index": 0, "finish_reason": "stop", "message": {"role": "assistant"}}),
    )
    (rejected,) = chains([span(_OLD, *events)]).rejected
    assert rejected.reason == "no_content"


def test_an_event_makes_no_call_of_a_span_that_is_none() -> None:
    details = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}],
    }
    record = span({"service.name": "shop"}, event("gen_ai.client.inference.operation.details", **details))
    assert canonical(record) is record
    rooted = span(
        {"gen_ai.operation.name": "invoke_agent"}, event("gen_ai.client.inference.operation.details", **details)
    )
    assert view(canonical(rooted)) is None


def test_what_stands_on_the_span_holds_over_events() -> None:
    mine = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "on the span"}]}])
    record = span({**_OLD, "gen_ai.input.messages": mine}, event("gen_ai.user.message", body={"content": PROMPT}))
    assert [message_text(m) for m in call(record).prompt] == ["on the span"]


# --- OpenLIT --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("store", "text", "query"),
    [
        ("chroma", f"texts=[{QUESTION!r}]", QUESTION),
        ("chroma", "texts=['one', 'two']", "one\ntwo"),
        ("chroma", "embeddings=1 vectors", None),
        ("chroma", "texts=[", None),
        ("pinecone", QUESTION, QUESTION),
        ("pinecone", "[0.1, 0.2]", None),
        ("qdrant", "[0.1, 0.2]", None),
    ],
)
def test_the_query_of_a_store(store: str, text: str, query: str | None) -> None:
    attributes = {
        "telemetry.sdk.name": "openlit",
        "gen_ai.operation.name": "vectordb",
        "db.system.name": store,
        "db.operation.name": "GET",
        "db.query.text": text,
    }
    found = call(span(attributes))
    assert (found.kind, found.query, found.documents) == ("retrieval", query, ())
    for other in ({"db.operation.name": "INSERT"}, {"db.system.name": "postgresql"}):
        assert view(canonical(span(attributes | other))) is None


def test_the_name_of_another_sdk_among_the_attributes_is_no_mark() -> None:
    found = canonical(span(indexed(**{"telemetry.sdk.name": "opentelemetry"})))
    assert found.attributes[DIALECT] == "openllmetry"
    assert [message_text(m) for m in call(found).prompt] == [PROMPT]


def test_of_the_documents_of_langchain_openlit_tells_three() -> None:
    rows = json.dumps([{"content": PASSAGE, "id": "b"}, {"content": OTHER, "id": "w"}])
    attributes = {
        "telemetry.sdk.name": "openlit",
        "gen_ai.operation.name": "retrieval",
        "gen_ai.retrieval.documents": rows,
    }
    for number, texts in ((2, [PASSAGE, OTHER]), (3, [None, None])):
        found = call(span(attributes | {"gen_ai.retrieval.document_count": number}))
        assert [(d.id, d.text) for d in found.documents] == list(zip("bw", texts, strict=True))


# --- Logfire --------------------------------------------------------------------------------------------------------

_LOGFIRE = {"logfire.span_type": "span", "logfire.json_schema": "{}", "gen_ai.request.model": "gpt-4o"}


def test_a_pending_span_and_the_request_of_a_stream_are_no_calls() -> None:
    prompt = json.dumps([{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}])
    attributes = {**_LOGFIRE, "gen_ai.operation.name": "chat", "gen_ai.input.messages": prompt}
    assert view(canonical(span(attributes, scope="logfire.openai"))) is None
    assert view(canonical(span(attributes | {"logfire.span_type": "pending_span"}, scope="logfire.openai"))) is None
    failed = call(span(attributes, scope="logfire.openai", status="error"))
    assert failed.kind == "chat"
    assert isinstance(assemble(failed.record, Material()), NoChain)


@pytest.mark.parametrize(
    ("request_data", "response_data", "output"),
    [
        (
            {"messages": [{"role": "user", "content": PROMPT}]},
            {"message": {"role": "assistant", "content": "14."}},
            "14.",
        ),
        (
            {"messages": [{"role": "user", "content": PROMPT}]},
            {"combined_chunk_content": "14.", "chunk_count": 2},
            "14.",
        ),
        ({"prompt": PROMPT}, {"text": "14.", "finish_reason": "stop"}, "14."),
        (
            {"system": "Be brief.", "messages": [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}]},
            {
                "message": {"role": "assistant", "content": "14."},
                "usage": {"input_tokens": 43, "output_tokens": 14, "cache_read_input_tokens": 128},
            },
            "14.",
        ),
    ],
)
def test_bodies_of_requests_and_responses(request_data: Any, response_data: Any, output: str) -> None:
    attributes = {
        "logfire.span_type": "log",
        "logfire.json_schema": "{}",
        "gen_ai.system": "anthropic",
        "request_data": json.dumps({"model": "claude", **request_data}),
        "response_data": json.dumps(response_data),
    }
    found = call(span(attributes, scope="logfire.anthropic"))
    assert message_text(found.prompt[-1]) == PROMPT
    assert [message_text(m) for m in found.output] == [output]
    assert (found.model, found.provider) == ("claude", "anthropic")
    if "usage" in response_data:
        assert found.usage is not None
        assert (found.usage.input_tokens, found.usage.cache_read_tokens) == (171, 128)


def test_embeddings_and_images_before_there_were_operations() -> None:
    def told(request: dict[str, Any], response: dict[str, Any]) -> SpanRecord:
        body = {"request_data": json.dumps({"model": "m", **request}), "response_data": json.dumps(response)}
        return canonical(span({**_LOGFIRE, **body}, scope="logfire.openai"))

    found = view(told({"input": "text"}, {"usage": {"prompt_tokens": 10, "total_tokens": 10}}))
    assert found is not None
    assert found.kind == "embeddings"
    assert view(told({"prompt": "a pump"}, {"images": []})) is None


def test_the_responses_api_as_a_list_of_events() -> None:
    events = [
        {"event.name": "gen_ai.system.message", "content": "Be brief.", "role": "system"},
        {"event.name": "gen_ai.user.message", "content": PROMPT, "role": "user"},
        {"event.name": "gen_ai.assistant.message", "content": "14.", "role": "assistant"},
    ]
    attributes = {**_LOGFIRE, "gen_ai.operation.name": "chat", "gen_ai.response.id": "r", "events": json.dumps(events)}
    found = call(span(attributes, scope="logfire.openai"))
    assert [m["role"] for m in found.prompt] == ["system", "user"]
    assert [message_text(m) for m in found.output] == ["14."]
    chosen = [
        *events[:2],
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "14."}},
    ]
    found = call(span(attributes | {"events": json.dumps(chosen)}, scope="pydantic-ai"))
    assert [message_text(m) for m in found.output] == ["14."]


# --- TruLens --------------------------------------------------------------------------------------------------------


def observed(kind: str, **more: Any) -> dict[str, Any]:
    return {"ai.observability.span_type": kind} | {f"ai.observability.{k}": v for k, v in more.items()}


def test_calls_of_a_judge_are_no_answers() -> None:
    attributes = observed(
        "generation", **{"call.kwargs.prompt": PROMPT, "call.return": "Score: 3", "eval.target_record_id": "r1"}
    )
    assert view(canonical(span(attributes))) is None
    assert view(canonical(span(observed("eval_root", **{"eval_root.metric_name": "Groundedness"})))) is None


def test_a_generation_is_read_from_its_arguments() -> None:
    given = {"call.kwargs.self": "<RAG>", "call.kwargs.query": QUESTION, "call.kwargs.context_str": (PASSAGE, OTHER)}
    found = call(span(observed("generation", **given, **{"call.return": "14 hours."})))
    text = message_text(found.prompt[0])
    assert QUESTION in text
    assert PASSAGE in text
    assert OTHER in text
    assert "<RAG>" not in text
    assert [message_text(m) for m in found.output] == ["14 hours."]


def test_costs_and_counts_that_trulens_has_not_are_unknown() -> None:
    billed = {
        "cost.cost": 0.25,
        "cost.cost_currency": "USD",
        "cost.num_prompt_tokens": 171,
        "cost.num_completion_tokens": 14,
    }
    told = canonical(span(observed("generation", **billed))).attributes
    assert (told["gen_ai.usage.cost"], told["gen_ai.usage.input_tokens"]) == (0.25, 171)
    for other in ({"cost.cost": 0.0}, {"cost.cost_currency": "Snowflake credits"}):
        assert "gen_ai.usage.cost" not in canonical(span(observed("generation", **billed | other))).attributes
    zeros = {"cost.num_prompt_tokens": 0, "cost.num_completion_tokens": 0}
    assert call(span(observed("generation", **zeros))).usage is None


def test_a_rerank_of_trulens_has_scores() -> None:
    found = call(
        span(
            observed(
                "reranking",
                **{
                    "reranking.query_text": QUESTION,
                    "reranking.output_context_texts": [PASSAGE, OTHER],
                    "reranking.output_context_scores": [0.9, 0.1],
                },
            )
        )
    )
    assert [(d.text, d.score) for d in found.documents] == [(PASSAGE, 0.9), (OTHER, 0.1)]


def test_the_dialect_is_named() -> None:
    assert canonical(span(observed("record_root"))).attributes[DIALECT] == "trulens"
