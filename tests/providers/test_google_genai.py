"""Google's Gen AI SDK beyond the call shapes: functions it calls itself, parts of every kind, blocks, usage, cost."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import genai_prices
import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import StatusCode

from conformance.cases import decoded, plain
from conformance.google_genai_cases import (
    ANSWER,
    CHUNKS,
    EMBED,
    FUNCTION,
    MODEL,
    QUESTION,
    WHOLE,
    chunks,
    client_on,
    content,
)
from conformance.harness import Tracing, traced
from conformance.openai_wire import Wire, document, http
from groundwire import Provider, plugins
from groundwire_instrumentation.google_genai import PROVIDER
from groundwire_instrumentation.google_interactions import PROVIDER as INTERACTIONS

ASK: dict[str, Any] = {"model": MODEL, "contents": QUESTION}


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with traced(PROVIDER) as tracing:
        yield tracing


def attributes(tracing: Tracing) -> dict[str, Any]:
    return decoded(tracing.spans[-1].attributes)


def asking(*answers: Any, **settings: Any) -> Any:
    """A client whose server gives these answers in turn, the last one for ever."""
    left = list(answers or (WHOLE,))

    def respond(_: http.Request) -> http.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer if isinstance(answer, http.Response) else document(answer)

    return client_on(Wire(respond), **settings)


def prompt(tracing: Tracing, contents: Any, **config: Any) -> list[Any]:
    """The messages of a call, as its span has them."""
    asking().models.generate_content(model=MODEL, contents=contents, config=config)
    return list(attributes(tracing)["gen_ai.input.messages"])


@pytest.mark.parametrize("streamed", [False, True])
def test_what_google_found_in_files_stands_on_the_answer(tracing: Tracing, streamed: bool) -> None:
    grounds = {
        "groundingChunks": [
            {"retrievedContext": {"text": ANSWER, "title": "survey.pdf"}},
            {"retrievedContext": {"title": "no text"}},
            {"web": {"uri": "https://example.org", "title": "a page"}},
        ]
    }
    answer = content({"text": ANSWER}, finish=None)
    answer["candidates"][0]["groundingMetadata"] = grounds
    if streamed:
        client = client_on(Wire(lambda _: chunks([answer])))
        assert list(client.models.generate_content_stream(**ASK))
    else:
        asking(answer).models.generate_content(**ASK)
    told = {"id": "survey.pdf", "content": ANSWER, "metadata": {"title": "survey.pdf"}}
    assert attributes(tracing)["gen_ai.retrieval.documents"] == [told]


# --- calls ----------------------------------------------------------------------------------------------------------


def look_up(name: str) -> str:
    """Looks a mountain up.

    By its name.
    """
    return f"{name} is 8,849 m high."


@pytest.mark.parametrize("streamed", [False, True])
def test_each_request_of_a_call_that_calls_functions_itself_is_a_span(tracing: Tracing, streamed: bool) -> None:
    ask = content(FUNCTION, usageMetadata={"promptTokenCount": 10, "candidatesTokenCount": 5})
    config = {"tools": [look_up]}
    if streamed:
        client = asking(chunks([ask]), chunks(CHUNKS[:-1]))
        list(client.models.generate_content_stream(**ASK, config=config))
    else:
        asking(ask, content({"text": ANSWER})).models.generate_content(**ASK, config=config)
    first, second = (decoded(span.attributes) for span in tracing.spans)
    assert (first["gen_ai.usage.input_tokens"], second["gen_ai.usage.input_tokens"]) == (10, 400)
    assert first["gen_ai.tool.definitions"] == [
        {"type": "function", "name": "look_up", "description": "Looks a mountain up.\n\nBy its name."}
    ]
    assert [m["role"] for m in second["gen_ai.input.messages"]] == ["user", "assistant", "tool"]
    assert second["gen_ai.input.messages"][2]["parts"] == [
        {"type": "tool_call_response", "id": None, "name": "look_up", "response": "Everest is 8,849 m high."}
    ]


def test_a_chat_sends_its_history(tracing: Tracing) -> None:
    chat = asking(content({"text": ANSWER})).chats.create(model=MODEL)
    chat.send_message(QUESTION)
    chat.send_message("And K2?")
    asked = attributes(tracing)["gen_ai.input.messages"]
    assert [(m["role"], m["parts"][0]["content"]) for m in asked] == [
        ("user", QUESTION),
        ("assistant", ANSWER),
        ("user", "And K2?"),
    ]
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == ("stop",)


def test_token_counts_and_lists_of_models_are_left_alone(tracing: Tracing) -> None:
    client = asking({"totalTokens": 5, "models": []})
    client.models.count_tokens(**ASK)
    list(client.models.list())
    assert tracing.spans == []


def test_a_vertex_embedding_adds_the_tokens_of_its_texts_up(tracing: Tracing) -> None:
    statistics = {"truncated": False, "token_count": 4}
    answer = {"predictions": [{"embeddings": {"values": [0.5], "statistics": statistics}}] * 2}
    asking(answer, vertex=True).models.embed_content(**EMBED | {"model": "text-embedding-005", "contents": ["a", "b"]})
    got = attributes(tracing)
    assert got["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert got["gen_ai.usage.input_tokens"] == 8


# --- prompts --------------------------------------------------------------------------------------------------------


def test_contents_are_read_in_all_their_spellings(tracing: Tracing) -> None:
    text = {"type": "text", "content": "one"}
    user = [{"role": "user", "parts": [text]}]
    part = types.Part.from_text(text="one")
    for contents in (
        "one",
        ["one"],
        part,
        [part],
        {"text": "one"},
        types.Content(role="user", parts=[part]),
        [{"role": "user", "parts": [{"text": "one"}]}],
        types.UserContent(parts=[part]),
        [["one"]],
    ):
        assert prompt(tracing, contents) == user, contents
    assert prompt(tracing, ["one", part]) == [{"role": "user", "parts": [text, text]}]
    turns = ["one", types.ModelContent(parts=[part]), "one"]
    assert [m["role"] for m in prompt(tracing, turns)] == ["user", "assistant", "user"]


def test_parts_are_told_by_their_kind_without_their_bytes(tracing: Tracing) -> None:
    parts = [
        types.Part.from_bytes(data=b"hallo", mime_type="image/png"),
        {"inlineData": {"mimeType": "audio/wav", "data": "aGFsbG8="}},
        types.Part.from_uri(file_uri="gs://b/1.pdf", mime_type="application/pdf"),
        types.File(uri="https://files.example/v1", mime_type="video/mp4"),
        types.Part.from_function_response(name="look_up", response={"height": 8849}),
        types.Part.from_executable_code(code="1 + 1", language=types.Language.PYTHON),
        types.Part.from_code_execution_result(outcome=types.Outcome.OUTCOME_OK, output="2"),
    ]
    (asked,) = prompt(tracing, parts)
    assert [(p["type"], p.get("modality")) for p in asked["parts"]] == [
        ("blob", "image"),
        ("blob", "audio"),
        ("uri", "document"),
        ("uri", "video"),
        ("tool_call_response", None),
        ("tool_call", None),
        ("tool_call_response", None),
    ]
    assert [p.get("size") for p in asked["parts"][:2]] == [5, 5]
    assert asked["parts"][4]["response"] == {"height": 8849}
    assert "aGFsbG8" not in tracing.span.to_json()


@pytest.mark.parametrize("as_object", [False, True])
def test_settings_are_on_the_span(tracing: Tracing, as_object: bool) -> None:
    config: Any = {
        "system_instruction": types.Content(parts=[types.Part.from_text(text="Be brief.")]),
        "top_k": 5,
        "seed": 7,
        "candidate_count": 2,
        "thinking_config": {"thinking_level": "LOW"},
        "tools": [{"google_search": {}}],
    }
    if as_object:
        config = types.GenerateContentConfig(**config)
    asking().models.generate_content(**ASK, config=config)
    got = attributes(tracing)
    assert got["gen_ai.system_instructions"] == [{"type": "text", "content": "Be brief."}]
    assert (got["gen_ai.request.top_k"], got["gen_ai.request.seed"]) == (5, 7)
    assert got["gen_ai.request.choice.count"] == 2
    assert got["gen_ai.request.reasoning.level"] == "low"
    assert got["gen_ai.tool.definitions"] == [{"type": "google_search"}]


@pytest.mark.parametrize(
    "model", [MODEL, f"models/{MODEL}", f"publishers/google/models/{MODEL}", f"projects/p/locations/l/models/{MODEL}"]
)
def test_a_model_s_full_name_is_its_name(tracing: Tracing, model: str) -> None:
    asking(vertex=True).models.generate_content(model=model, contents=QUESTION)
    assert tracing.span.name == f"chat {MODEL}"


@pytest.mark.parametrize("name", ["base_url", "baseUrl"])
def test_the_host_of_one_call_may_be_its_own(tracing: Tracing, name: str) -> None:
    elsewhere: Any = {"http_options": {name: "https://gateway.example:8443"}}
    asking().models.generate_content(**ASK | {"config": elsewhere})
    assert (attributes(tracing)["server.address"], attributes(tracing)["server.port"]) == ("gateway.example", 8443)


# --- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("LANGUAGE", "language"),
    ],
)
def test_why_an_answer_ended(tracing: Tracing, finish: str, told: str) -> None:
    asking(content({"text": ANSWER}, finish=finish)).models.generate_content(**ASK)
    got = attributes(tracing)
    assert got["gen_ai.response.finish_reasons"] == (told,)
    assert got["gen_ai.output.messages"][0]["parts"][0].get("refusal", False) == (told == "content_filter")


def test_a_response_that_is_asked_for_as_it_came_is_read_all_the_same(tracing: Tracing) -> None:
    client = asking(WHOLE | {"new": 1})  # which the SDK's models refuse
    client.models.generate_content(**ASK)
    ask = ASK | {"config": {"should_return_http_response": True}}
    assert client.models.generate_content(**ask).candidates is None
    usual, raw = (decoded(span.attributes) for span in tracing.spans)
    assert raw == usual
    assert "gen_ai.usage.cost" in raw


def test_arguments_that_come_in_pieces_are_one_call(tracing: Tracing) -> None:
    def piece(path: str, **value: Any) -> dict[str, Any]:
        return {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}

    calls: list[dict[str, Any]] = [
        {"name": "look_up", "willContinue": True},
        piece("$.name", stringValue="Ever", willContinue=True),
        piece("$.name", stringValue="est"),
        piece("$.heights[0].in", stringValue="m"),
        piece("$['sea level']", boolValue=False),
        {},
        {"name": "look_up", "args": {"name": "K2"}},
    ]
    sent = [content({"functionCall": call}, finish=None) for call in calls]
    list(asking(chunks(sent)).models.generate_content_stream(**ASK))
    told = attributes(tracing)["gen_ai.output.messages"][0]["parts"]
    assert [(call["name"], call["arguments"]) for call in told] == [
        ("look_up", {"name": "Everest", "heights": [{"in": "m"}], "sea level": False}),
        ("look_up", {"name": "K2"}),
    ]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_prompt_that_is_blocked_is_a_refusal(tracing: Tracing, streamed: bool) -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    if streamed:
        list(asking(chunks([blocked])).models.generate_content_stream(**ASK))
    else:
        asking(blocked).models.generate_content(**ASK)
    got = attributes(tracing)
    assert got["gen_ai.response.finish_reasons"] == ("content_filter",)
    assert got["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "", "refusal": True}]
    assert "groundwire.stream.incomplete" not in got


def test_several_candidates_are_several_messages(tracing: Tracing) -> None:
    def candidate(index: int, text: str) -> dict[str, Any]:
        return {"index": index, "content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}

    pieces = [{"candidates": [candidate(1, "b"), candidate(0, "a")]}, {"candidates": [candidate(0, "A")]}]
    list(asking(chunks(pieces)).models.generate_content_stream(**ASK))
    got = attributes(tracing)
    assert [m["parts"][0]["content"] for m in got["gen_ai.output.messages"]] == ["aA", "b"]
    assert got["gen_ai.response.finish_reasons"] == ("stop", "stop")


ODD = {
    "candidates null": content() | {"candidates": None},
    "candidates missing": {k: v for k, v in WHOLE.items() if k != "candidates"},
    "candidate empty": content() | {"candidates": [{}]},
    "parts missing": content() | {"candidates": [{"content": {"role": "model"}}]},
    "part empty": content({}),
    "version and id missing": {k: v for k, v in WHOLE.items() if k not in ("modelVersion", "responseId")},
    "unknown fields": WHOLE | {"hologram": 1},
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_an_odd_answer_keeps_what_can_be_read(tracing: Tracing, answer: Any) -> None:
    client = asking(answer)
    result = client.models.generate_content(**ASK)
    got = attributes(tracing)
    assert tracing.span.status.status_code is StatusCode.UNSET
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.output_tokens"]) == (400, 34)
    assert got["gen_ai.usage.cost"] > 0
    tracing.engine.uninstrument()
    assert plain(client.models.generate_content(**ASK)) == plain(result)


def test_an_answer_without_usage_has_no_tokens(tracing: Tracing) -> None:
    asking(content({"text": ANSWER}, usageMetadata=None)).models.generate_content(**ASK)
    assert not {name for name in attributes(tracing) if "usage" in name}


counts = st.integers(0, 10**5)


@given(counts, counts, counts, counts, counts, st.booleans())
def test_usage_adds_thoughts_and_tools_up_and_cost_is_what_genai_prices_says(
    fresh: int, cached: int, tools: int, said: int, thought: int, streamed: bool
) -> None:
    usage = {
        "promptTokenCount": fresh + cached,
        "cachedContentTokenCount": cached,
        "toolUsePromptTokenCount": tools,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": thought,
    }
    with traced(PROVIDER) as tracing:
        if streamed:
            pieces = [*CHUNKS[:-1], CHUNKS[-1] | {"usageMetadata": usage}]
            list(asking(chunks(pieces)).models.generate_content_stream(**ASK))
        else:
            asking(WHOLE | {"usageMetadata": usage}).models.generate_content(**ASK)
        price = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=fresh + cached + tools, output_tokens=said + thought, cache_read_tokens=cached
            ),
            model_ref=MODEL,
            provider_id="google",
        )
        got = attributes(tracing)
        assert {k: v for k, v in got.items() if k.startswith("gen_ai.usage.")} == {
            "gen_ai.usage.input_tokens": fresh + cached + tools,
            "gen_ai.usage.output_tokens": said + thought,
            "gen_ai.usage.cache_read.input_tokens": cached,
            "gen_ai.usage.reasoning.output_tokens": thought,
            "gen_ai.usage.cost": pytest.approx(float(price.total_price)),
        }
        assert "groundwire.usage.source" not in got


@pytest.mark.parametrize("streamed", [False, True])
def test_sound_has_a_price_of_its_own(tracing: Tracing, streamed: bool) -> None:
    usage = {
        "promptTokenCount": 1000,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 400}, {"modality": "AUDIO", "tokenCount": 600}],
        "cachedContentTokenCount": 200,
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 50}, {"modality": "AUDIO", "tokenCount": 150}],
        "candidatesTokenCount": 10,
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
    }
    if streamed:
        pieces = [*CHUNKS[:-1], CHUNKS[-1] | {"usageMetadata": usage}]
        list(asking(chunks(pieces)).models.generate_content_stream(**ASK))
    else:
        asking(WHOLE | {"usageMetadata": usage}).models.generate_content(**ASK)
    got = attributes(tracing)
    assert got["groundwire.usage.input_audio_tokens"] == 600
    assert got["groundwire.usage.cache_audio_read_tokens"] == 150
    model = {"model_ref": MODEL, "provider_id": "google"}
    counts = {"input_tokens": 1000, "cache_read_tokens": 200, "output_tokens": got["gen_ai.usage.output_tokens"]}
    sound = {"input_audio_tokens": 600, "cache_audio_read_tokens": 150}
    dearer = genai_prices.calc_price(genai_prices.Usage(**counts, **sound), **model)
    assert got["gen_ai.usage.cost"] == pytest.approx(float(dearer.total_price))
    assert dearer.total_price > genai_prices.calc_price(genai_prices.Usage(**counts), **model).total_price


@pytest.mark.parametrize(
    ("config", "traffic"),
    [({"service_tier": "flex"}, None), ({}, "ON_DEMAND_FLEX"), ({}, "PROVISIONED_THROUGHPUT")],
)
def test_a_tier_without_a_known_price_has_no_cost(tracing: Tracing, config: Any, traffic: str | None) -> None:
    usage = WHOLE["usageMetadata"] | ({"trafficType": traffic} if traffic else {})
    asking(WHOLE | {"usageMetadata": usage}).models.generate_content(**ASK, config=config)
    assert "gen_ai.usage.cost" not in attributes(tracing)
    assert attributes(tracing)["gen_ai.usage.input_tokens"] == 400


def test_an_error_inside_a_stream_is_the_error_of_the_span(tracing: Tracing) -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    with pytest.raises(Exception, match="overloaded"):
        list(asking(chunks([*CHUNKS[:4], error])).models.generate_content_stream(**ASK))
    got = attributes(tracing)
    assert got["error.type"] == "ServerError"
    assert got["gen_ai.output.messages"][0]["parts"][-1] == {"type": "text", "content": "Everest is "}


# --- the library ----------------------------------------------------------------------------------------------------


def test_a_library_inside_a_package_that_is_missing_is_not_installed() -> None:
    assert plugins.is_installed(PROVIDER)
    assert not plugins.is_installed(Provider("x", "no_such_package.inside", "x", ()))


def test_the_library_may_be_imported_after_instrument() -> None:
    script = (
        "import sys, groundwire\n"
        "groundwire.instrument(export=[], providers=['google_genai'], evaluators=[])\n"
        "assert 'google.genai' not in sys.modules\n"
        "from google import genai\n"
        "print(hasattr(genai.models.Models._generate_content, '__wrapped__'))\n"
    )
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "True", run.stderr


def test_an_interaction_that_fails_says_so() -> None:
    failure = {"code": "overloaded", "message": "later"}
    begun = [
        {"event_type": "interaction.created", "interaction": {"id": "i1", "status": "in_progress"}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": ANSWER}},
        {"event_type": "error", "error": failure},
    ]
    with traced(INTERACTIONS) as tracing:
        list(asking(chunks(begun)).interactions.create(model=MODEL, input=QUESTION, stream=True))
        got = attributes(tracing)
        assert (got["error.type"], tracing.span.status.status_code) == ("overloaded", StatusCode.ERROR)
        assert got["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": ANSWER}]
        failed = {"id": "i1", "model": MODEL, "status": "failed", "error": failure}
        asking(failed).interactions.create(model=MODEL, input=QUESTION)
        assert (attributes(tracing)["error.type"], len(tracing.spans)) == ("overloaded", 2)


def test_an_interaction_that_is_continued_is_one_call_with_all_its_tokens() -> None:
    def hop(identity: str, text: str, status: str, **rest: Any) -> http.Response:
        usage = {"total_input_tokens": 100, "total_output_tokens": 10, "total_thought_tokens": 5}
        told = {"id": identity, "model": MODEL, "status": status, "usage": usage, **rest}
        events = [
            {"event_type": "interaction.created", "interaction": {"id": identity, "status": "in_progress"}},
            {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
            {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": text}},
            {"event_type": "step.stop", "index": 0},
            {"event_type": "interaction.completed", "interaction": told},
        ]
        return chunks(events)

    first = hop("i1", "Everest is ", "requires_continuation", continuation_token="t1")
    with traced(INTERACTIONS) as tracing:
        client = asking(first, hop("i2", "8,849 m high.", "completed"))
        assert len(list(client.interactions.create(model=MODEL, input=QUESTION, stream=True))) == 10
        got = attributes(tracing)
        assert len(tracing.spans) == 1
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.output_tokens"]) == (200, 30)
    assert "".join(part["content"] for part in got["gen_ai.output.messages"][0]["parts"]) == ANSWER
    assert got["gen_ai.response.finish_reasons"] == ("stop",)
