"""Anthropic beyond the call shapes: tools, documents, refusals, usage, platforms, errors, the SDK's own spans."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import anthropic
import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import StatusCode

from conformance.anthropic_cases import ANSWER, CALL, EVENTS, MODEL, QUESTION, client_on, message
from conformance.cases import decoded, plain
from conformance.harness import Tracing, traced
from conformance.openai_wire import Body, Wire, document, event, http, stream
from groundwire.chain import chains
from groundwire.records import from_readable
from groundwire_instrumentation.anthropic import PROVIDER

ASK: dict[str, Any] = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with traced(PROVIDER) as tracing:
        yield tracing


def attributes(tracing: Tracing) -> dict[str, Any]:
    return decoded(tracing.spans[-1].attributes)


def asking(answer: Any = None, **settings: Any) -> Any:
    """A client whose server gives that answer to everything."""
    return client_on(Wire(lambda _: answer or document(message())), **settings)


def prompt(tracing: Tracing, *messages: Any, **rest: Any) -> list[Any]:
    """The messages of a call, as its span has them."""
    asking().messages.create(**ASK | {"messages": list(messages)} | rest)
    return list(attributes(tracing)["gen_ai.input.messages"])


# --- prompts --------------------------------------------------------------------------------------------------------


def test_a_tool_loop_is_read_with_the_answer_s_own_objects_in_it(tracing: Tracing) -> None:
    first = asking().messages.create(**CALL)
    answered = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "8,849 m"}]},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no such mountain", "is_error": True},
            {"type": "text", "text": "And in feet?"},
        ],
    }
    asked = prompt(tracing, *CALL["messages"], {"role": "assistant", "content": first.content}, answered)
    assert [m["role"] for m in asked] == ["user", "assistant", "tool", "user"]
    assert asked[1]["parts"][1:] == [
        {"type": "text", "content": ANSWER},
        {"type": "tool_call", "id": "toolu_1", "name": "look_up", "arguments": {"name": "Everest"}},
    ]
    assert asked[2]["parts"] == [
        {"type": "tool_call_response", "id": "toolu_1", "response": "8,849 m"},
        {"type": "tool_call_response", "id": "toolu_2", "response": "no such mountain"},
    ]
    assert asked[3]["parts"] == [{"type": "text", "content": "And in feet?"}]


LONG, SHORT = "Everest is 8,849 m high.\n\nIt is in Nepal.", "Fuji is 3,776 m high."
RESULT = "K2 is 8,611 m high.\nIt is in Asia."
DOCUMENTS = [
    {"type": "document", "title": "A", "source": {"type": "text", "media_type": "text/plain", "data": LONG}},
    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": SHORT}]}},
    {
        "type": "search_result",
        "title": "C",
        "source": "https://c.example",
        "content": [{"type": "text", "text": "K2 is 8,611 m high."}, {"type": "text", "text": "It is in Asia."}],
    },
]
TOLD = [
    {"type": "document", "content": LONG, "title": "A"},
    {"type": "document", "content": SHORT},
    {"type": "search_result", "content": RESULT, "id": "https://c.example", "title": "C"},
]


def passages(tracing: Tracing) -> list[tuple[str, str | None]]:
    """Of the one answer there is, to the one question."""
    (chain,) = chains(map(from_readable, tracing.spans)).chains
    assert chain.question == QUESTION
    return [(passage.text, passage.id) for passage in chain.passages]


FOUND = [(f"{LONG}\ntitle: A", None), (SHORT, None), (f"{RESULT}\ntitle: C", "https://c.example")]


def test_documents_and_search_results_that_are_to_be_cited_are_the_answer_s_passages(tracing: Tracing) -> None:
    said = document(message(content=[{"type": "text", "text": ANSWER}], stop_reason="end_turn"))
    user = {"role": "user", "content": [*DOCUMENTS, {"type": "text", "text": QUESTION}]}
    asking(said).messages.create(**ASK | {"messages": [user]})
    assert attributes(tracing)["gen_ai.input.messages"][0]["parts"] == [*TOLD, {"type": "text", "content": QUESTION}]
    assert passages(tracing) == FOUND


def test_documents_and_search_results_that_a_tool_found_are_the_answer_s_passages(tracing: Tracing) -> None:
    said = document(message(content=[{"type": "text", "text": ANSWER}], stop_reason="end_turn"))
    called = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "find", "input": {}}]}
    found = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": DOCUMENTS}]}
    asking(said).messages.create(**ASK | {"messages": [*ASK["messages"], called, found]})
    assert passages(tracing) == FOUND


def test_texts_that_a_tool_gave_stay_apart(tracing: Tracing) -> None:
    texts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    (asked,) = prompt(
        tracing, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": texts}]}
    )
    assert asked["parts"][0]["response"] == "one\n\ntwo"


def test_images_and_files_are_told_without_their_bytes(tracing: Tracing) -> None:
    blocks = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGFsbG8="}},
        {"type": "image", "source": {"type": "url", "url": "https://pictures.example/1.png"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGFsbG8="}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "container_upload", "file_id": "file_2"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BytesIO(b"hallo")}},
    ]
    (asked,) = prompt(tracing, {"role": "user", "content": blocks})
    assert [part["type"] for part in asked["parts"][:5]] == ["blob", "uri", "blob", "file", "container_upload"]
    assert asked["parts"][5] == {"type": "blob", "mime_type": "image/png", "modality": "image"}
    assert asked["parts"][0]["size"] == 5
    assert "aGFsbG8=" not in tracing.span.to_json()


def test_parameters_and_instructions_are_on_the_span(tracing: Tracing) -> None:
    prompt(
        tracing,
        {"role": "user", "content": QUESTION},
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        stop_sequences=["END"],
        output_config={"effort": "low"},
        tools=[{"type": "web_search_20250305", "name": "web_search"}],
        extra_body={"temperature": 0.5, "top_k": 5},
    )
    got = attributes(tracing)
    assert got["gen_ai.system_instructions"] == [{"type": "text", "content": "Be brief."}]
    assert got["gen_ai.request.stop_sequences"] == ("END",)
    assert got["gen_ai.request.reasoning.level"] == "low"
    assert (got["gen_ai.request.temperature"], got["gen_ai.request.top_k"]) == (0.5, 5)
    assert got["gen_ai.tool.definitions"] == [{"type": "web_search_20250305", "name": "web_search"}]


@pytest.mark.parametrize("odd", [None, 7, [None], [{}], ["text"], [{"type": "text"}], [{"type": "image"}]])
def test_odd_content_is_sent_as_it_is_and_harms_nothing(tracing: Tracing, odd: Any) -> None:
    assert prompt(tracing, {"role": "user", "content": odd})[0]["role"] == "user"


def test_an_iterator_that_breaks_gives_the_application_its_own_error(tracing: Tracing) -> None:
    def messages() -> Iterator[Any]:
        yield {"role": "user", "content": QUESTION}
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        asking().messages.create(**ASK | {"messages": messages()})
    assert attributes(tracing)["error.type"] == "LookupError"


# --- answers --------------------------------------------------------------------------------------------------------


def test_a_refusal_is_marked(tracing: Tracing) -> None:
    asking(document(message(stop_reason="refusal", content=[{"type": "text", "text": "I must not."}]))).messages.create(
        **ASK
    )
    got = attributes(tracing)
    assert got["gen_ai.response.finish_reasons"] == ("content_filter",)
    assert got["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "I must not.", "refusal": True}]


def test_what_the_service_s_own_tools_found_is_told(tracing: Tracing) -> None:
    content = [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "Everest"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s1",
            "content": [
                {"type": "web_search_result", "url": "https://e.example", "title": "Everest", "encrypted_content": "x"}
            ],
        },
        {"type": "redacted_thinking", "data": "secret"},
        {"type": "text", "text": ANSWER},
    ]
    asking(document(message(content=content, stop_reason="end_turn"))).messages.create(**ASK)
    assert attributes(tracing)["gen_ai.output.messages"][0]["parts"] == [
        {"type": "tool_call", "id": "s1", "name": "web_search", "arguments": {"query": "Everest"}},
        {"type": "tool_call_response", "id": "s1", "response": "Everest"},
        {"type": "redacted_thinking"},
        {"type": "text", "content": ANSWER},
    ]


ODD = {
    "content null": message(content=None),
    "content missing": {k: v for k, v in message().items() if k != "content"},
    "block unknown": message(content=[{"type": "hologram", "x": 1}, {"type": "text", "text": ANSWER}]),
    "block empty": message(content=[{}]),
    "stop missing": message(stop_reason=None),
    "stop unknown": message(stop_reason="bored"),
    "id and model null": message(id=None, model=None),
    "cache null": message(
        usage={"input_tokens": 400, "output_tokens": 34, "cache_read_input_tokens": None, "cache_creation": None}
    ),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_an_odd_answer_keeps_what_can_be_read(tracing: Tracing, answer: Any) -> None:
    client = asking(document(answer))
    result = client.messages.create(**ASK)
    got = attributes(tracing)
    assert tracing.span.status.status_code is StatusCode.UNSET
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.output_tokens"]) == (400, 34)
    assert got["gen_ai.usage.cost"] > 0
    assert got.get("gen_ai.response.id") == answer.get("id")
    tracing.engine.uninstrument()
    assert plain(client.messages.create(**ASK)) == plain(result)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": "many"}, 7, {"input_tokens": None}])
def test_odd_usage_keeps_the_text(tracing: Tracing, usage: Any) -> None:
    asking(document(message(usage=usage))).messages.create(**ASK)
    got = attributes(tracing)
    assert got["gen_ai.output.messages"][0]["parts"][1] == {"type": "text", "content": ANSWER}
    assert "gen_ai.usage.cost" not in got


def test_a_bare_post_is_read_as_well(tracing: Tracing) -> None:
    for cast in (object, dict[str, Any], http.Response):
        asking().post("/v1/messages", cast_to=cast, body=ASK)
        assert attributes(tracing)["gen_ai.usage.input_tokens"] == 400


# --- usage ----------------------------------------------------------------------------------------------------------

counts = st.integers(0, 10**5)


@given(counts, counts, counts, counts, counts, st.booleans())
def test_usage_adds_cached_tokens_up_and_cost_is_what_genai_prices_says(
    fresh: int, read: int, short: int, long: int, made: int, streamed: bool
) -> None:
    usage = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": made,
    }
    with traced(PROVIDER) as tracing:
        if streamed:
            start = {"type": "message_start", "message": message(content=[], usage=usage | {"output_tokens": 3})}
            end = EVENTS[-2] | {"usage": {"output_tokens": made}}
            list(asking(stream([start, *EVENTS[1:-2], end, EVENTS[-1]])).messages.create(stream=True, **ASK))
        else:
            asking(document(message(usage=usage))).messages.create(**ASK)
        price = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=fresh + read + short + long,
                output_tokens=made,
                cache_read_tokens=read,
                cache_write_tokens=short + long,
                cache_write_1h_tokens=long,
            ),
            model_ref=MODEL,
            provider_id="anthropic",
        )
        got = attributes(tracing)
        assert {k: v for k, v in got.items() if k.startswith("gen_ai.usage.")} == {
            "gen_ai.usage.input_tokens": fresh + read + short + long,
            "gen_ai.usage.output_tokens": made,
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.cache_creation.input_tokens": short + long,
            "gen_ai.usage.cost": pytest.approx(float(price.total_price)),
        }
        assert "groundwire.usage.source" not in got


def test_what_the_end_of_a_stream_says_of_the_prompt_holds(tracing: Tracing) -> None:
    start = {"type": "message_start", "message": message(content=[], usage={"input_tokens": 0, "output_tokens": 0})}
    end = EVENTS[-2] | {"usage": {"input_tokens": 12, "cache_read_input_tokens": 8, "output_tokens": 34}}
    list(asking(stream([start, *EVENTS[1:-2], end, EVENTS[-1]])).messages.create(stream=True, **ASK))
    got = attributes(tracing)
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.cache_read.input_tokens"]) == (20, 8)


@pytest.mark.parametrize("streamed", [False, True])
def test_searches_speed_and_a_conversation_made_shorter_are_paid_for(tracing: Tracing, streamed: bool) -> None:
    model, start = "claude-opus-5", {"input_tokens": 1000, "output_tokens": 1, "speed": "fast"}
    shorter = {"type": "compaction", "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    end = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1},
        "iterations": [
            shorter | {"input_tokens": 5000, "output_tokens": 300},
            shorter | {"type": "message", "input_tokens": 1000, "output_tokens": 100},
        ],
    }
    if streamed:
        first = {"type": "message_start", "message": message(content=[], usage=start, model=model)}
        client = asking(stream([first, *EVENTS[1:-2], EVENTS[-2] | {"usage": end}, EVENTS[-1]]))
        list(client.beta.messages.create(stream=True, **ASK | {"model": model}))
    else:
        client = asking(document(message(model=model, usage=start | end)))
        client.beta.messages.create(**ASK | {"model": model})
    got = attributes(tracing)
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.output_tokens"]) == (6000, 400)
    assert got["groundwire.usage.web_searches"] == 3
    price = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=6000, output_tokens=400, web_searches=3),
        model_ref=model,
        provider_id="anthropic",
        price_context={"speed": "fast"},
    )
    assert got["gen_ai.usage.cost"] == pytest.approx(float(price.total_price))


def test_the_model_that_a_stream_falls_back_to_is_what_answered(tracing: Tracing) -> None:
    other = "claude-haiku-4-5"
    handed = {"type": "fallback", "from": {"model": MODEL}, "to": {"model": other}, "trigger": {"type": "refusal"}}
    start, *rest = EVENTS
    sent = [start, {"type": "content_block_start", "index": 9, "content_block": handed}, *rest]
    list(asking(stream(sent)).beta.messages.create(**ASK, stream=True))
    assert attributes(tracing)["gen_ai.response.model"] == other


def test_arguments_cut_off_in_a_stream_stay_text(tracing: Tracing) -> None:
    with asking(stream(EVENTS[:-4])).messages.create(stream=True, **ASK) as events:
        list(events)
    parts = attributes(tracing)["gen_ai.output.messages"][0]["parts"]
    assert parts[-1] == {"type": "tool_call", "id": "toolu_1", "name": "look_up", "arguments": '{"name": '}


def test_an_error_event_inside_a_stream_is_the_error_of_the_span(tracing: Tracing) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    answer = http.Response(
        200,
        headers={"content-type": "text/event-stream"},
        stream=Body([event(e) for e in [*EVENTS[:10], error]]),
    )
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(asking(answer).messages.create(stream=True, **ASK))
    got = attributes(tracing)
    assert got["error.type"] in {"APIStatusError", "OverloadedError"}
    assert got["gen_ai.output.messages"][0]["parts"][-1] == {"type": "text", "content": "Everest is "}


# --- clients and hosts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "provider", "priced"),
    [
        ("https://api.anthropic.com", "anthropic", True),
        ("http://localhost:4000", "anthropic", True),
        ("https://us-east5-aiplatform.googleapis.com/v1", "gcp.vertex_ai", True),
        ("https://api.deepseek.com/anthropic", "deepseek", False),
    ],
)
def test_the_host_says_who_answers(tracing: Tracing, base_url: str, provider: str, priced: bool) -> None:
    asking(base_url=base_url).messages.create(**ASK)
    got = attributes(tracing)
    assert got["gen_ai.provider.name"] == provider
    assert ("gen_ai.usage.cost" in got) == priced


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_vertex_is_a_platform_of_its_own(tracing: Tracing, asynchronous: bool) -> None:
    settings = {"region": "us-east5", "project_id": "p", "access_token": "t"}
    client = asking(kind="AnthropicVertex", asynchronous=asynchronous, **settings)
    call = client.messages.create(**ASK)
    _ = await call if asynchronous else call
    got = attributes(tracing)
    assert got["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert got["server.address"] == "us-east5-aiplatform.googleapis.com"
    assert (got["gen_ai.request.model"], got["gen_ai.usage.input_tokens"]) == (MODEL, 400)
    price = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=400,
            output_tokens=34,
            cache_read_tokens=300,
            cache_write_tokens=80,
            cache_write_1h_tokens=30,
        ),
        model_ref=MODEL,
        provider_id="google",
    )
    assert got["gen_ai.usage.cost"] == pytest.approx(float(price.total_price))


def test_bedrock_is_a_platform_of_its_own(tracing: Tracing) -> None:
    model = f"us.anthropic.{MODEL}"
    client = asking(kind="AnthropicBedrock", aws_region="us-east-1", api_key="bedrock-key")
    client.messages.create(**ASK | {"model": model})
    got = attributes(tracing)
    assert tracing.span.name == f"chat {model}"
    assert got["gen_ai.provider.name"] == "aws.bedrock"
    assert got["server.address"] == "bedrock-runtime.us-east-1.amazonaws.com"
    assert got["gen_ai.usage.cost"] > 0


@pytest.mark.parametrize("region", ["global.", "us."])
def test_the_region_that_bedrock_s_id_begins_with_is_what_is_paid(tracing: Tracing, region: str) -> None:
    asked = f"{region}anthropic.claude-opus-4-6-v1"
    answer = document(message(model="claude-opus-4-6"))  # answers name the model alone
    client = asking(answer, kind="AnthropicBedrock", aws_region="us-east-1", api_key="bedrock-key")
    client.messages.create(**ASK | {"model": asked})
    got = attributes(tracing)
    assert got["gen_ai.response.model"] == "claude-opus-4-6"
    used = genai_prices.Usage(
        input_tokens=got["gen_ai.usage.input_tokens"],
        output_tokens=got["gen_ai.usage.output_tokens"],
        cache_read_tokens=got.get("gen_ai.usage.cache_read.input_tokens", 0),
        cache_write_tokens=got.get("gen_ai.usage.cache_creation.input_tokens", 0),
        cache_write_1h_tokens=got.get("anthropic.usage.cache_creation.ephemeral_1h_input_tokens", 0),
    )
    price = genai_prices.calc_price(used, model_ref=asked, provider_id="aws").total_price
    assert got["gen_ai.usage.cost"] == pytest.approx(float(price))


def test_foundry_is_a_platform_of_its_own(tracing: Tracing) -> None:
    asking(kind="AnthropicFoundry", resource="mine", api_key="foundry-key").messages.create(**ASK)
    got = attributes(tracing)
    assert (got["gen_ai.provider.name"], got["server.address"]) == ("azure.ai.inference", "mine.services.ai.azure.com")
    assert got["gen_ai.usage.input_tokens"] == 400


def test_what_generates_nothing_is_left_alone(tracing: Tracing) -> None:
    page = {"data": [], "has_more": False, "first_id": None, "last_id": None, "input_tokens": 5, "id": "b"}
    client = asking(document(page))
    client.messages.count_tokens(model=MODEL, messages=ASK["messages"])
    client.models.list()
    client.messages.batches.create(requests=[])
    assert tracing.spans == []


def test_retries_are_one_span(tracing: Tracing) -> None:
    answers = iter([http.Response(529, headers={"retry-after-ms": "1"}), document(message())])
    wire = Wire(lambda _: next(answers))
    client_on(wire, max_retries=2).messages.create(**ASK)
    assert len(wire.requests) == 2
    assert tracing.span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("streamed", [False, True])
def test_the_sdk_s_own_span_of_the_same_call_is_not_made(tracing: Tracing, streamed: bool) -> None:
    telemetry = {"tracer_provider": tracing.tracer_provider}
    client = asking(stream(EVENTS) if streamed else None, open_telemetry=telemetry)
    answer = client.messages.create(stream=streamed, **ASK)
    if streamed:
        list(answer)
    assert [span.name for span in tracing.spans] == [f"chat {MODEL}"]
    tracing.engine.uninstrument()
    tracing.clear()
    asking(open_telemetry=telemetry).messages.create(**ASK)
    assert [span.name for span in tracing.spans] == ["anthropic.messages.create"]


def test_the_request_is_the_one_that_is_sent_untraced(tracing: Tracing) -> None:
    wires = [Wire(lambda _: document(message())) for _ in range(2)]
    call = CALL | {"messages": CALL["messages"]}
    client_on(wires[0]).messages.create(**call | {"messages": iter(call["messages"])})
    tracing.engine.uninstrument()
    client_on(wires[1]).messages.create(**call | {"messages": iter(call["messages"])})
    traced_body, plain_body = (json.loads(wire.requests[0].content) for wire in wires)
    assert traced_body == plain_body
