"""What is particular to OpenAI: its payloads, the odd ones of other servers, its hosts and its clients."""

import asyncio
import gc
import json
import logging
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import genai_prices
import openai
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from conformance.cases import decoded, plain
from conformance.harness import Tracing, traced
from conformance.openai_wire import (
    ANSWER,
    CHUNKS,
    CHUNKS_WITH_USAGE,
    COMPLETION,
    EMBEDDINGS,
    EVENTS,
    KEY,
    QUESTION,
    REFUSED,
    USAGE,
    Body,
    Wire,
    answering,
    chunk,
    client_on,
    document,
    event,
    http,
    response,
    stream,
)
from groundwire.chain import chains
from groundwire.records import from_readable
from groundwire.tokens import estimate_tokens
from groundwire_instrumentation._openai_chunks import Chunks
from groundwire_instrumentation.openai import PROVIDER

CHAT: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with traced(PROVIDER) as tracing:
        yield tracing


def attributes(tracing: Tracing) -> dict[str, Any]:
    return decoded(tracing.span.attributes)


def parts(tracing: Tracing, name: str = "gen_ai.input.messages") -> list[Any]:
    return [part for message in attributes(tracing)[name] for part in message["parts"]]


def chat(answer: Any = COMPLETION, **arguments: Any) -> Any:
    return answering(lambda _: document(answer)).chat.completions.create(**CHAT | arguments)


def chat_stream(events: Sequence[Any], **arguments: Any) -> list[Any]:
    return list(answering(lambda _: stream(events)).chat.completions.create(stream=True, **CHAT | arguments))


# --- what is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [iter, lambda items: (item for item in items), tuple])
def test_messages_may_be_a_one_shot_iterator(tracing: Tracing, shape: Any) -> None:
    sent = []

    def respond(request: http.Request) -> http.Response:
        sent.append(json.loads(request.content)["messages"])
        return document(COMPLETION)

    answering(respond).chat.completions.create(**CHAT | {"messages": shape(CHAT["messages"])})
    assert sent == [CHAT["messages"]]
    assert parts(tracing) == [{"type": "text", "content": QUESTION}]


def test_messages_appended_during_the_call_are_not_part_of_it(tracing: Tracing) -> None:
    messages = [{"role": "user", "content": QUESTION}]

    def respond(_: http.Request) -> http.Response:
        messages.append({"role": "user", "content": "later"})
        return document(COMPLETION)

    answering(respond).chat.completions.create(model="gpt-4o-mini", messages=messages)  # type: ignore[arg-type]
    assert parts(tracing) == [{"type": "text", "content": QUESTION}]


def test_the_sdk_s_own_messages_may_be_sent_back(tracing: Tracing) -> None:
    calls = [{"id": "call_1", "type": "function", "function": {"name": "height", "arguments": '{"of": "Everest"}'}}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    first = chat(COMPLETION | {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]})
    tracing.clear()
    result = {"role": "tool", "tool_call_id": "call_1", "content": "8849"}
    chat(messages=[*CHAT["messages"], first.choices[0].message, result])
    assert attributes(tracing)["gen_ai.input.messages"][1:] == [
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "call_1", "name": "height", "arguments": '{"of": "Everest"}'}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "8849"}]},
    ]


def test_the_sdk_s_own_response_items_may_be_sent_back(tracing: Tracing) -> None:
    client = answering(lambda _: document(response()))
    first = client.responses.create(model="gpt-4o-mini", input=QUESTION)
    tracing.clear()
    client.responses.create(model="gpt-4o-mini", input=[*first.output, {"role": "user", "content": "And K2?"}])
    assert attributes(tracing)["gen_ai.input.messages"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]},
        {"role": "user", "parts": [{"type": "text", "content": "And K2?"}]},
    ]


def test_parameters_are_on_the_span_and_keys_are_not(tracing: Tracing) -> None:
    chat(
        max_completion_tokens=50,
        top_p=0.9,
        n=2,
        stop=["\n", "END"],
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        user="u",
        extra_headers={"x-secret": KEY},
        extra_body={"api_key": KEY},
        extra_query={"key": KEY},
    )
    expected = {
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.stop_sequences": ("\n", "END"),
        "gen_ai.request.seed": 7,
        "gen_ai.request.presence_penalty": 0.1,
        "gen_ai.request.frequency_penalty": 0.2,
    }
    assert attributes(tracing).items() >= expected.items()
    assert KEY not in tracing.span.to_json()


@pytest.mark.parametrize("quoted", [KEY, f"Bearer {KEY}", f"'{KEY}'"])
def test_a_key_that_the_server_quotes_is_not_on_the_span(tracing: Tracing, quoted: str) -> None:
    refusal = {"error": {"message": f"Incorrect API key provided: {quoted}.", "code": "invalid_api_key"}}
    with pytest.raises(openai.AuthenticationError) as caught:
        answering(lambda _: document(refusal, 401)).chat.completions.create(**CHAT)
    assert KEY in str(caught.value)
    assert KEY not in tracing.span.to_json()
    assert "Incorrect API key provided" in (tracing.span.status.description or "")


def test_images_audio_and_files_are_hashes_and_references(tracing: Tracing) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
    ]
    chat(messages=[{"role": "user", "content": content}])
    png = "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6"
    text, image, link, audio, file, pdf = parts(tracing)
    assert text == {"type": "text", "content": "What is this?"}
    assert image == {"type": "blob", "mime_type": "image/png", "modality": "image", "size": 8, "sha256": png}
    assert link == {"type": "uri", "modality": "image", "uri": "https://example.com/a.png"}
    assert audio.items() >= {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "size": 3}.items()
    assert file == {"type": "file", "modality": "document", "file_id": "file-1"}
    assert pdf.items() >= {"type": "blob", "modality": "document", "mime_type": "application/pdf", "size": 4}.items()
    assert "iVBORw0KGgo" not in tracing.span.to_json()


def test_what_a_function_of_old_returned_is_a_passage(tracing: Tracing) -> None:
    called = {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": "{}"}}
    found = {"role": "function", "name": "find", "content": "Everest is 8,849 m high."}
    chat(messages=[{"role": "user", "content": QUESTION}, called, found])
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert (chain.question, [p.text for p in chain.passages]) == (QUESTION, [found["content"]])


def test_documents_beside_the_messages_are_passages(tracing: Tracing) -> None:
    given = [
        {"title": "Everest", "text": "It is 8,849 m high."},
        {"peak": "Fuji", "metres": 3776},
        "K2 is in Pakistan.",
    ]
    chat(messages=[{"role": "user", "content": QUESTION}], extra_body={"documents": given})
    told, asked = attributes(tracing)["gen_ai.input.messages"]
    assert [(part["content"], part.get("title")) for part in told["parts"]] == [
        ("It is 8,849 m high.", "Everest"),
        ("peak: Fuji\nmetres: 3776", None),
        ("K2 is in Pakistan.", None),
    ]
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert (asked["role"], chain.question, len(chain.passages)) == ("user", QUESTION, 3)


def test_documents_that_claude_is_to_cite_behind_a_gateway_are_passages(tracing: Tracing) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "Everest is 8,849 m high."}
    content = [{"type": "document", "source": source}, {"type": "text", "text": QUESTION}]
    chat(messages=[{"role": "user", "content": content}])
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert (chain.question, [p.text for p in chain.passages]) == (QUESTION, [source["data"]])


def test_texts_of_other_kinds_of_parts_are_texts(tracing: Tracing) -> None:
    chat(messages=[{"role": "user", "content": [{"type": "guarded_text", "text": QUESTION}, {"type": "odd"}]}])
    assert parts(tracing) == [{"type": "text", "content": QUESTION}, {"type": "odd"}]


def test_tools_and_instructions_have_their_own_attributes(tracing: Tracing) -> None:
    tool = {"name": "height", "parameters": {"type": "object", "properties": {}}}
    chat(tools=[{"type": "function", "function": tool}])
    assert attributes(tracing)["gen_ai.tool.definitions"] == [{"type": "function", **tool}]
    tracing.clear()
    client = answering(lambda _: document(response()))
    client.responses.create(model="gpt-4o-mini", input=QUESTION, instructions="Be brief.", reasoning={"effort": "low"})
    assert attributes(tracing)["gen_ai.system_instructions"] == [{"type": "text", "content": "Be brief."}]
    assert attributes(tracing)["gen_ai.request.reasoning.level"] == "low"


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        ["just a string"],
        [{}],
        [{"role": None, "content": None}],
        [{"role": "user", "content": 7}],
        [{"role": "user", "content": [None, 7, "text", {}, {"type": "text"}, {"type": "image_url"}]}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": None}, {"type": "input_audio"}]}],
        [{"role": "tool", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
        [{"role": "assistant", "tool_calls": [None, {}, {"function": None}]}],
    ],
)
def test_odd_messages_keep_the_rest_of_the_span(tracing: Tracing, messages: Any) -> None:
    chat(messages=messages, temperature=0.5)
    got = attributes(tracing)
    assert got["gen_ai.request.model"] == "gpt-4o-mini"
    assert got["gen_ai.request.temperature"] == 0.5
    assert got["gen_ai.usage.input_tokens"] == 120
    assert "gen_ai.input.messages" in got


def test_a_prompt_of_a_megabyte_is_cut_and_stays_json(tracing: Tracing) -> None:
    chat(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "höhe \n" * 200_000},
        ]
    )
    raw = tracing.span.attributes["gen_ai.input.messages"]  # type: ignore[index]
    assert len(raw) <= 256 * 1024
    system, user = parts(tracing)
    assert system["content"] == "Be brief."
    assert user["groundwire.original_length"] == 1_200_000


def test_lone_surrogates_reach_the_span_as_replacement_characters(tracing: Tracing) -> None:
    escaped = json.dumps(COMPLETION).replace(ANSWER, "caf\\ud83d\\u00e9")
    client = answering(lambda _: http.Response(200, content=escaped, headers={"content-type": "application/json"}))
    client.chat.completions.create(**CHAT)
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "caf?é"}]
    tracing.clear()
    with pytest.raises(UnicodeEncodeError):
        chat(model="gpt-\ud83d", messages=[{"role": "user", "content": "a\ud83d"}], stop=["\ud83d"])
    assert tracing.span.status.status_code is StatusCode.ERROR
    assert _exported(tracing)


def _exported(tracing: Tracing) -> bytes:
    """The span as OTLP takes it: lone surrogates raise here, and a batch would be lost."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    return encode_spans(tracing.spans).SerializeToString()


# --- what is answered -----------------------------------------------------------------------------------------------


def test_every_choice_is_a_message(tracing: Tracing) -> None:
    choices = [
        {"index": n, "finish_reason": reason, "message": {"role": "assistant", "content": text}}
        for n, (text, reason) in enumerate([("yes", "stop"), ("no", "length")])
    ]
    chat(COMPLETION | {"choices": choices}, n=2)
    assert attributes(tracing)["gen_ai.output.messages"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "yes"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "no"}]},
    ]
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == ("stop", "length")


def test_interleaved_choices_of_a_stream_are_put_together(tracing: Tracing) -> None:
    events = [
        chunk({"role": "assistant", "content": "ye"}, index=1),
        chunk({"role": "assistant", "content": "n"}, index=0),
        chunk({"content": "s"}, index=1),
        chunk({"content": "o"}, index=0),
        chunk({}, index=1, finish="stop"),
        chunk({}, index=0, finish="length"),
        chunk(usage=USAGE),
    ]
    chat_stream(events, n=2)
    assert attributes(tracing)["gen_ai.output.messages"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "no"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "yes"}]},
    ]
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == ("length", "stop")


def _call_delta(index: int | None, arguments: str | None, **rest: Any) -> dict[str, Any]:
    name = rest.pop("name", None)
    return {"index": index, "function": {"arguments": arguments} | ({"name": name} if name else {}), **rest}


@pytest.mark.parametrize("indices", [(0, 1), (None, None)], ids=["numbered", "unnumbered"])
def test_tool_call_deltas_are_put_together(tracing: Tracing, indices: tuple[Any, Any]) -> None:
    one, two = indices
    events = [
        chunk(
            {
                "role": "assistant",
                "content": "Let me see. ",
                "tool_calls": [_call_delta(one, "", id="a", name="f")],
            }
        ),
        chunk({"tool_calls": [_call_delta(one, '{"x":')]}),
        chunk({"tool_calls": [_call_delta(one, "1}")]}),
        chunk({"tool_calls": [_call_delta(two, '{"y":2}', id="b", name="g")]}),
        chunk({}, finish="tool_calls"),
        chunk(usage=USAGE),
    ]
    chat_stream(events)
    assert parts(tracing, "gen_ai.output.messages") == [
        {"type": "text", "content": "Let me see. "},
        {"type": "tool_call", "id": "a", "name": "f", "arguments": '{"x":1}'},
        {"type": "tool_call", "id": "b", "name": "g", "arguments": '{"y":2}'},
    ]
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == ("tool_call",)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal_is_marked(tracing: Tracing, streamed: bool) -> None:
    if streamed:
        chat_stream([chunk({"refusal": "I "}), chunk({"refusal": "won't."}), chunk({}, finish="stop")])
    else:
        message = {"role": "assistant", "content": None, "refusal": "I won't."}
        chat(COMPLETION | {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "I won't.", "refusal": True}]


def test_a_refusal_of_the_responses_api_is_marked(tracing: Tracing) -> None:
    item = response()["output"][0] | {"content": [{"type": "refusal", "refusal": "I won't."}]}
    answering(lambda _: document(response(output=[item]))).responses.create(model="gpt-4o-mini", input=QUESTION)
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "I won't.", "refusal": True}]


def test_response_items_of_every_kind_are_parts(tracing: Tracing) -> None:
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Heights."}]},
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
            "status": "completed",
        },
        {
            "type": "web_search_call",
            "id": "ws_1",
            "status": "completed",
            "action": {"type": "search", "query": "q"},
        },
        {"type": "something_new", "id": "x_1"},
        {
            "type": "reasoning",
            "id": "r_2",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "All said."}],  # by open weights
        },
    ]
    answering(lambda _: document(response(output=output))).responses.create(model="gpt-4o-mini", input=QUESTION)
    assert parts(tracing, "gen_ai.output.messages") == [
        {"type": "reasoning", "content": "Heights."},
        {"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "something_new", "id": "x_1"},
        {"type": "reasoning", "content": "All said."},
    ]
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == ("tool_call",)


@pytest.mark.parametrize(
    ("status", "details", "finish"),
    [
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
        ("failed", None, "error"),
    ],
)
def test_a_response_that_did_not_complete_says_why(tracing: Tracing, status: str, details: Any, finish: str) -> None:
    answer = response(status=status, incomplete_details=details)
    answering(lambda _: document(answer)).responses.create(model="gpt-4o-mini", input=QUESTION)
    assert attributes(tracing)["gen_ai.response.finish_reasons"] == (finish,)


def test_an_empty_answer_is_an_answer(tracing: Tracing) -> None:
    message = {"role": "assistant", "content": ""}
    chat(COMPLETION | {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    assert attributes(tracing)["gen_ai.output.messages"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": ""}]}
    ]


counts = st.integers(0, 10**6)


@given(counts, counts, counts, counts, st.booleans())
def test_usage_is_the_payload_s_and_cost_is_what_genai_prices_says(
    fresh: int, cached: int, said: int, reasoned: int, streamed: bool
) -> None:
    usage = {
        "prompt_tokens": fresh + cached,
        "completion_tokens": said + reasoned,
        "total_tokens": fresh + cached + said + reasoned,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoned},
    }
    with traced(PROVIDER) as tracing:
        if streamed:
            chat_stream([*CHUNKS, chunk(usage=usage)])
        else:
            chat(COMPLETION | {"usage": usage})
        price = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=fresh + cached, output_tokens=said + reasoned, cache_read_tokens=cached),
            model_ref="gpt-4o-mini-2024-07-18",
            provider_id="openai",
        )
        got = attributes(tracing)
        assert {k: v for k, v in got.items() if k.startswith("gen_ai.usage.")} == {
            "gen_ai.usage.input_tokens": fresh + cached,
            "gen_ai.usage.output_tokens": said + reasoned,
            "gen_ai.usage.cache_read.input_tokens": cached,
            "gen_ai.usage.reasoning.output_tokens": reasoned,
            "gen_ai.usage.cost": pytest.approx(float(price.total_price)),
        }
        assert "groundwire.usage.source" not in got


def test_a_model_without_a_price_has_no_cost(tracing: Tracing) -> None:
    chat(COMPLETION | {"model": "made-up-9"}, model="made-up-9")
    assert "gen_ai.usage.cost" not in attributes(tracing)
    assert attributes(tracing)["gen_ai.usage.input_tokens"] == 120


@pytest.mark.parametrize("prompt", ["word " * 250_000, "höhe 8849 " * 120_000, "日本語の文章" * 200_000])
def test_usage_of_a_long_prompt_is_estimated_without_delay(tracing: Tracing, prompt: str) -> None:
    started = answering(lambda _: stream(CHUNKS)).chat.completions.create(
        stream=True, model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}]
    )
    began = perf_counter()
    started.close()
    assert perf_counter() - began < 0.25
    tokens = attributes(tracing)["gen_ai.usage.input_tokens"]
    assert 0.6 < tokens / estimate_tokens(prompt[:12_000]) / (len(prompt) / 12_000) < 1.6


ODD = {
    "choices null": COMPLETION | {"choices": None},
    "choices missing": {k: v for k, v in COMPLETION.items() if k != "choices"},
    "choice null": COMPLETION | {"choices": [None]},
    "message null": COMPLETION | {"choices": [{"index": 0, "finish_reason": "stop", "message": None}]},
    "message missing": COMPLETION | {"choices": [{"index": 0}]},
    "content a list": COMPLETION
    | {"choices": [{"index": 0, "message": {"role": "assistant", "content": [{"type": "text", "text": "x"}]}}]},
    "content a number": COMPLETION | {"choices": [{"index": 0, "message": {"role": "assistant", "content": 7}}]},
    "tool call empty": COMPLETION | {"choices": [{"message": {"role": "assistant", "tool_calls": [{}, None]}}]},
    "id missing": {k: v for k, v in COMPLETION.items() if k != "id"},
    "model missing": {k: v for k, v in COMPLETION.items() if k != "model"},
    "id and model null": COMPLETION | {"id": None, "model": None},
    "unknown fields": COMPLETION | {"x_groq": {"id": "1"}, "citations": ["a"]},
    "details null": COMPLETION | {"usage": USAGE | {"prompt_tokens_details": None, "completion_tokens_details": None}},
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_an_odd_answer_keeps_what_can_be_read(tracing: Tracing, answer: Any) -> None:
    client = answering(lambda _: document(answer))
    result = client.chat.completions.create(**CHAT)
    got = attributes(tracing)
    assert tracing.span.status.status_code is StatusCode.UNSET
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.output_tokens"]) == (120, 34)
    assert got["gen_ai.usage.cost"] > 0
    assert got.get("gen_ai.response.id") == answer.get("id")
    tracing.engine.uninstrument()
    assert plain(client.chat.completions.create(**CHAT)) == plain(result)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "many"}, 7, {"prompt_tokens": None}])
def test_odd_usage_keeps_the_text(tracing: Tracing, usage: Any) -> None:
    chat(COMPLETION | {"usage": usage})
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": ANSWER}]
    assert "gen_ai.usage.cost" not in attributes(tracing)


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 0}]},
        {"choices": [{"delta": {"content": None, "tool_calls": [{}]}}]},
        {"choices": [{"index": 0, "delta": {"content": 7}}]},
        {"error_code": 1},
        {"usage": {}},
    ],
    ids=str,
)
def test_an_odd_chunk_does_not_spoil_the_others(tracing: Tracing, odd: Any) -> None:
    events = [CHUNKS_WITH_USAGE[0], chunk({}) | odd, *CHUNKS_WITH_USAGE[1:]]
    seen = chat_stream(events)
    assert len(seen) == len(events)
    assert parts(tracing, "gen_ai.output.messages")[0] == {"type": "text", "content": ANSWER}
    assert attributes(tracing)["gen_ai.usage.input_tokens"] == 120


@pytest.mark.parametrize("streamed", [False, True])
def test_what_openai_found_in_files_stands_on_the_answer_where_it_is_told(tracing: Tracing, streamed: bool) -> None:
    row = {"file_id": "file-1", "filename": "survey.pdf", "score": 0.9, "text": ANSWER, "attributes": {}}
    search = {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["height"], "results": [row]}
    answer = response(output=[search, *response()["output"]])
    served = stream([*EVENTS[:-1], EVENTS[-1] | {"response": answer}]) if streamed else document(answer)
    asked: Any = answering(lambda _: served).responses.create(
        model="gpt-4o-mini", input=QUESTION, include=["file_search_call.results"], stream=streamed
    )
    assert not streamed or list(asked)
    told = {"id": "file-1", "score": 0.9, "content": ANSWER, "metadata": {"filename": "survey.pdf"}}
    assert attributes(tracing)["gen_ai.retrieval.documents"] == [told]


def test_a_search_of_files_whose_results_are_not_told_says_nothing_of_passages(tracing: Tracing) -> None:
    search = {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["height"], "results": None}
    answer = response(output=[search, *response()["output"]])
    answering(lambda _: document(answer)).responses.create(model="gpt-4o-mini", input=QUESTION)
    assert "gen_ai.retrieval.documents" not in attributes(tracing)


def test_an_odd_answer_of_the_responses_api_keeps_what_can_be_read(tracing: Tracing) -> None:
    for missing in ("id", "model", "status", "output"):
        answer = {k: v for k, v in response().items() if k != missing}
        answering(lambda _, a=answer: document(a)).responses.create(model="gpt-4o-mini", input=QUESTION)
        assert attributes(tracing)["gen_ai.usage.input_tokens"] == 120, missing
        tracing.clear()


def test_a_stream_of_the_responses_api_that_fails_tells_its_finish(tracing: Tracing) -> None:
    failed = {
        "type": "response.failed",
        "sequence_number": 9,
        "response": response(status="failed", output=[]),
    }
    with answering(lambda _: stream([*EVENTS[:5], failed])).responses.create(
        model="gpt-4o-mini", input=QUESTION, stream=True
    ) as events:
        list(events)
    got = attributes(tracing)
    assert got["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Everest is "}]
    assert got["gen_ai.usage.output_tokens"] == 34
    assert got["gen_ai.response.finish_reasons"] == ("error",)


@pytest.mark.parametrize("first", [CHUNKS[0], chunk({"role": "assistant"}), chunk({"content": ""})])
def test_what_a_filter_finds_after_the_answer_takes_no_name_from_it(tracing: Tracing, first: dict[str, Any]) -> None:
    nameless = {"id": "", "model": "", "object": "", "created": 0, "service_tier": None, "system_fingerprint": None}
    found = {
        "index": 0,
        "finish_reason": None,
        "content_filter_results": {},
        "content_filter_offsets": {"end_offset": 9},
    }
    filtered = {**CHUNKS[0], **nameless}
    chat_stream([filtered | {"choices": []}, first, *CHUNKS[1:], filtered | {"choices": [found]}])
    got = attributes(tracing)
    assert got["gen_ai.response.model"] == "gpt-4o-mini-2024-07-18"
    assert got["gen_ai.response.id"] == "chatcmpl-1"
    assert got["gen_ai.response.finish_reasons"] == ("stop",)
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": ANSWER}]


def test_pieces_that_lack_members_of_openais_are_read_once() -> None:
    class Delta(pydantic.BaseModel):
        content: str | None = None

    class Choice(pydantic.BaseModel):
        index: int = 0
        delta: Delta
        finish_reason: str | None = None

    class Piece(pydantic.BaseModel):
        choices: list[Choice]

    chunks = Chunks()
    for word in ("Everest", " is", " high."):
        chunks.add(Piece(choices=[Choice(delta=Delta(content=word))]))
    (message,) = chunks.response().messages or ()
    assert message["parts"] == [{"type": "text", "content": "Everest is high."}]


BROKEN = {"code": "server_error", "message": "overloaded"}


@pytest.mark.parametrize(
    "last",
    [
        {"type": "response.failed", "response": response(status="failed", output=[], error=BROKEN)},
        {"type": "error", "param": None, **BROKEN},
    ],
    ids=lambda last: last["type"],
)
def test_a_failure_that_a_stream_of_the_responses_api_tells_is_the_error_of_the_span(
    tracing: Tracing, last: dict[str, Any]
) -> None:
    client = answering(lambda _: stream([*EVENTS[:5], last | {"sequence_number": 9}]))
    list(client.responses.create(model="gpt-4o-mini", input=QUESTION, stream=True))
    assert attributes(tracing)["error.type"] == "server_error"
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "Everest is "}]


def test_a_failure_that_comes_as_an_answer_is_the_error_of_the_span(tracing: Tracing) -> None:
    answer = response(status="failed", output=[], error=BROKEN)
    answering(lambda _: document(answer)).responses.create(model="gpt-4o-mini", input=QUESTION)
    assert attributes(tracing)["error.type"] == "server_error"
    tracing.clear()
    chat({"error": {"code": 429, "message": "slow down"}})  # as OpenRouter says it
    assert attributes(tracing)["error.type"] == "429"


def test_an_error_event_inside_a_stream_is_the_error_of_the_span(tracing: Tracing) -> None:
    pieces = [event(CHUNKS[0]), event(CHUNKS[1]), b'data: {"error": {"message": "overloaded"}}\n\n']
    answer = http.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(pieces))
    with pytest.raises(openai.APIError, match="overloaded"):
        list(answering(lambda _: answer).chat.completions.create(stream=True, **CHAT))
    assert attributes(tracing)["error.type"] == "APIError"
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "Everest "}]


def test_an_error_event_that_the_application_reads_itself_is_the_error_of_the_span(tracing: Tracing) -> None:
    events = [*CHUNKS[:2], {"error": {"code": 502, "message": "overloaded"}}]
    client = answering(lambda _: stream(events))
    with client.chat.completions.with_streaming_response.create(stream=True, **CHAT) as answer:
        list(answer.iter_lines())
    assert attributes(tracing)["error.type"] == "502"
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "Everest "}]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http.Response(500, text="<html>oops</html>"), openai.InternalServerError),
        (http.Response(404, json={"detail": "no"}), openai.NotFoundError),
        (http.Response(429, json=REFUSED), openai.RateLimitError),
        (http.Response(400, content=b"\xff\xfe"), openai.BadRequestError),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_an_http_error_is_the_error_of_the_span(
    tracing: Tracing, answer: http.Response, error: type[Exception], streamed: bool
) -> None:
    made = http.Response(answer.status_code, content=answer.content)
    with pytest.raises(error) as caught:
        answering(lambda _: made).chat.completions.create(stream=streamed, **CHAT)
    assert caught.value.__cause__ is None
    assert attributes(tracing)["error.type"] == error.__name__
    assert tracing.span.status.status_code is StatusCode.ERROR
    assert not {k for k in attributes(tracing) if "usage" in k}


def test_a_timeout_is_the_error_of_the_span(tracing: Tracing) -> None:
    def respond(request: http.Request) -> http.Response:
        raise http.ReadTimeout("slow", request=request)

    with pytest.raises(openai.APITimeoutError):
        answering(respond).chat.completions.create(**CHAT)
    assert attributes(tracing)["error.type"] == "APITimeoutError"


def test_an_answer_that_is_no_json_is_a_span(tracing: Tracing) -> None:
    answer = answering(lambda _: http.Response(200, text="hello", headers={"content-type": "text/plain"}))
    assert answer.chat.completions.create(**CHAT) == "hello"
    assert tracing.span.status.status_code is StatusCode.UNSET
    with pytest.raises(json.JSONDecodeError):
        answering(
            lambda _: http.Response(200, text="{", headers={"content-type": "application/json"})
        ).chat.completions.create(**CHAT)
    assert tracing.spans[1].status.status_code is StatusCode.ERROR


def test_an_answer_cut_off_by_its_length_fails_in_parse_and_keeps_its_usage(tracing: Tracing) -> None:
    from pydantic import BaseModel

    class Height(BaseModel):
        metres: int

    cut = COMPLETION | {"choices": [COMPLETION["choices"][0] | {"finish_reason": "length"}]}  # type: ignore[index,operator]
    client = answering(lambda _: document(cut))
    raw = client.chat.completions.with_raw_response.parse(response_format=Height, **CHAT)
    with pytest.raises(openai.LengthFinishReasonError):
        raw.parse()
    assert attributes(tracing)["gen_ai.usage.output_tokens"] == 34


@pytest.mark.parametrize("cast", [object, dict[str, Any], http.Response])
def test_a_bare_post_is_read_as_well(tracing: Tracing, cast: Any) -> None:
    client = answering(lambda _: document(COMPLETION))
    client.post("/chat/completions", cast_to=cast, body=CHAT)
    assert attributes(tracing)["gen_ai.usage.output_tokens"] == 34
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": ANSWER}]


# --- retries, hosts, clients ----------------------------------------------------------------------------------------


def test_retries_are_one_span(tracing: Tracing) -> None:
    answers = iter([http.Response(500, headers={"retry-after-ms": "1"}), document(COMPLETION)])
    wire = Wire(lambda _: next(answers))
    client_on(wire, max_retries=2).chat.completions.create(**CHAT)
    assert len(wire.requests) == 2
    assert tracing.span.status.status_code is StatusCode.UNSET
    assert attributes(tracing)["gen_ai.usage.output_tokens"] == 34


@pytest.mark.parametrize(
    ("base_url", "provider", "address", "port", "priced"),
    [
        ("https://api.groq.com/openai/v1", "groq", "api.groq.com", None, False),
        ("http://localhost:11434/v1", "openai_compatible", "localhost", 11434, True),
        ("https://user:secret@gateway.example:8443/v1", "openai_compatible", "gateway.example", 8443, True),
        ("https://my.openai.azure.com/openai/v1", "azure.ai.openai", "my.openai.azure.com", None, True),
        ("https://bedrock-mantle.eu-west-1.api.aws/v1", "aws.bedrock", "bedrock-mantle.eu-west-1.api.aws", None, False),
        ("https://aiplatform.googleapis.com/v1/x", "gcp.vertex_ai", "aiplatform.googleapis.com", None, False),
        ("https://api.z.ai/api/paas/v4", "zai", "api.z.ai", None, False),
        (
            "https://api.openai.com.evil.example/v1",
            "openai_compatible",
            "api.openai.com.evil.example",
            None,
            True,
        ),
    ],
)
def test_the_host_says_who_answers(
    tracing: Tracing, base_url: str, provider: str, address: str, port: int | None, priced: bool
) -> None:
    answering(lambda _: document(COMPLETION), base_url=base_url).chat.completions.create(**CHAT)
    got = attributes(tracing)
    assert (got["gen_ai.provider.name"], got["server.address"], got.get("server.port")) == (
        provider,
        address,
        port,
    )
    assert ("gen_ai.usage.cost" in got) == priced
    assert "secret" not in tracing.span.to_json()


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_azure_is_azure_behind_any_gateway(tracing: Tracing, asynchronous: bool) -> None:
    settings: dict[str, Any] = {
        "api_key": KEY,
        "api_version": "2024-10-21",
        "azure_endpoint": "https://gateway.example",
        "max_retries": 0,
    }
    wire = Wire(lambda _: document(COMPLETION))
    arguments = CHAT | {"model": "my-deployment"}
    if asynchronous:
        client = openai.AsyncAzureOpenAI(http_client=http.AsyncClient(transport=wire), **settings)
        await client.chat.completions.create(**arguments)
    else:
        openai.AzureOpenAI(http_client=http.Client(transport=wire), **settings).chat.completions.create(**arguments)
    assert "/deployments/my-deployment/" in str(wire.requests[0].url)
    got = attributes(tracing)
    assert tracing.span.name == "chat my-deployment"
    assert got["gen_ai.provider.name"] == "azure.ai.openai"
    price = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=120, output_tokens=34, cache_read_tokens=100),
        model_ref="gpt-4o-mini-2024-07-18",
        provider_id="azure",
    )
    assert got["gen_ai.usage.cost"] == pytest.approx(float(price.total_price))


def test_models_files_and_moderations_are_left_alone(tracing: Tracing) -> None:
    page = {
        "object": "list",
        "data": [],
        "results": [],
        "id": "x",
        "model": "m",
        "status": "completed",
        "output": [],
    }
    client = answering(lambda _: document(page))
    client.models.list()
    client.files.list()
    client.moderations.create(input="x")
    client.responses.retrieve("resp_1")
    client.responses.cancel("resp_1")
    assert tracing.spans == []


def test_copies_and_subclasses_of_a_client_are_traced_once(tracing: Tracing) -> None:
    class Mine(openai.OpenAI):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    client = answering(lambda _: document(COMPLETION))
    mine = Mine(api_key=KEY, http_client=client._client, base_url=client.base_url)
    for one in (client.copy(), client.with_options(timeout=1), mine):
        one.chat.completions.create(**CHAT)
        assert tracing.span.name == "chat gpt-4o-mini"
        tracing.clear()


def test_instrumenting_twice_is_two_engines_and_uninstrumenting_both_restores() -> None:
    before = vars(openai.OpenAI).get("request")
    with traced(PROVIDER) as one:
        with traced(PROVIDER) as two:
            chat()
            assert len(two.spans) == 1
            assert one.spans == []
        chat()
        assert len(one.spans) == 1
    assert vars(openai.OpenAI).get("request") is before


# --- stream managers ------------------------------------------------------------------------------------------------


def test_a_stream_manager_that_is_never_entered_is_no_call(tracing: Tracing) -> None:
    wire = Wire(lambda _: stream(CHUNKS_WITH_USAGE))
    manager = client_on(wire).chat.completions.stream(**CHAT)
    del manager
    gc.collect()
    assert wire.requests == []
    assert tracing.spans == []


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_an_async_stream_manager_that_is_never_entered_is_no_call(tracing: Tracing) -> None:
    wire = Wire(lambda _: stream(CHUNKS_WITH_USAGE))
    manager = client_on(wire, asynchronous=True).chat.completions.stream(**CHAT)
    del manager
    gc.collect()
    assert wire.requests == []
    assert tracing.spans == []


def test_a_managed_stream_broken_off_keeps_what_was_received(tracing: Tracing) -> None:
    client = answering(lambda _: stream(CHUNKS_WITH_USAGE))
    with client.chat.completions.stream(**CHAT) as events:
        for one in events:
            if one.type == "content.delta" and one.delta == "is ":
                break
        assert tracing.spans == []
    got = attributes(tracing)
    assert got["groundwire.stream.incomplete"] is True
    assert got["groundwire.usage.source"] == "estimated"
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "Everest is "}]


def test_a_managed_stream_never_closed_ends_when_it_is_collected(tracing: Tracing) -> None:
    client = answering(lambda _: stream(CHUNKS_WITH_USAGE))
    events = client.chat.completions.stream(**CHAT).__enter__()
    next(events)
    del events
    gc.collect()
    tracing.wait_for(1)
    assert attributes(tracing)["groundwire.stream.incomplete"] is True


async def test_an_async_managed_stream_read_in_another_task_ends_there(
    tracing: Tracing, caplog: pytest.LogCaptureFixture
) -> None:
    client = answering(lambda _: stream(CHUNKS_WITH_USAGE), asynchronous=True)
    with caplog.at_level(logging.WARNING):
        async with client.chat.completions.stream(**CHAT) as events:

            async def read() -> str:
                return "".join([e.delta async for e in events if e.type == "content.delta"])

            assert await asyncio.create_task(read()) == ANSWER
    assert attributes(tracing)["gen_ai.usage.output_tokens"] == 34
    assert caplog.records == []


# --- bodies that the application reads ------------------------------------------------------------------------------


def test_a_body_is_not_read_before_the_application_reads_it(tracing: Tracing) -> None:
    read: list[bytes] = []

    class Watched(Body):
        def __iter__(self) -> Iterator[bytes]:
            for piece in super().__iter__():
                read.append(piece)
                yield piece

    pieces = [event(c) for c in CHUNKS_WITH_USAGE] + [b"data: [DONE]\n\n"]
    answer = http.Response(200, headers={"content-type": "text/event-stream"}, stream=Watched(pieces))
    client = answering(lambda _: answer)
    with client.chat.completions.with_streaming_response.create(stream=True, **CHAT) as raw:
        assert read == []
        lines = raw.iter_lines()
        next(lines)
        assert read == pieces[:1]
    assert attributes(tracing)["groundwire.stream.incomplete"] is True


def test_lines_read_up_to_done_are_the_whole_answer(tracing: Tracing) -> None:
    client = answering(lambda _: stream(CHUNKS_WITH_USAGE))
    with client.chat.completions.with_streaming_response.create(stream=True, **CHAT) as raw:
        for line in raw.iter_lines():
            if line == "data: [DONE]":
                break
    got = attributes(tracing)
    assert "groundwire.stream.incomplete" not in got
    assert "groundwire.usage.source" not in got
    assert got["gen_ai.usage.output_tokens"] == 34


def test_lines_held_while_the_response_closes_keep_their_text(tracing: Tracing) -> None:
    client = answering(lambda _: stream(CHUNKS_WITH_USAGE))
    with client.chat.completions.with_streaming_response.create(stream=True, **CHAT) as raw:
        lines = raw.iter_lines()
        while "is " not in next(lines):
            pass
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "Everest is "}]
    lines.close()


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_bytes_of_a_stream_are_events_wherever_they_are_cut(tracing: Tracing, size: int) -> None:
    events = [CHUNKS[0], chunk({"content": "Größe: 8 849 m 🏔"}), CHUNKS[-1], chunk(usage=USAGE)]
    client = answering(lambda _: stream(events))
    with client.chat.completions.with_streaming_response.create(stream=True, **CHAT) as raw:
        assert len(b"".join(raw.iter_bytes(size))) > 500
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "Größe: 8 849 m 🏔"}]


def test_the_http_response_itself_may_be_read(tracing: Tracing) -> None:
    client = answering(lambda _: document(COMPLETION))
    with client.chat.completions.with_streaming_response.create(**CHAT) as raw:
        raw.http_response.read()
    assert attributes(tracing)["gen_ai.usage.output_tokens"] == 34
    tracing.clear()
    client = answering(lambda _: stream(CHUNKS_WITH_USAGE))
    raw = client.chat.completions.with_raw_response.create(stream=True, **CHAT)
    assert list(raw.http_response.iter_lines())
    assert attributes(tracing)["gen_ai.usage.output_tokens"] == 34


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_lines_lost_midway_keep_the_partial_text_and_the_error(tracing: Tracing, asynchronous: bool) -> None:
    client = answering(lambda _: stream(CHUNKS, "break", 3), asynchronous=asynchronous)
    if asynchronous:
        async with client.chat.completions.with_streaming_response.create(stream=True, **CHAT) as raw:
            with pytest.raises(http.ReadError):
                assert [line async for line in raw.iter_lines()]  # never gets so far
    else:
        with (
            client.chat.completions.with_streaming_response.create(stream=True, **CHAT) as raw,
            pytest.raises(http.ReadError),
        ):
            list(raw.iter_lines())
    assert attributes(tracing)["error.type"] == "ReadError"
    assert tracing.span.status.status_code is StatusCode.ERROR
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "Everest is "}]


async def test_lines_cancelled_while_they_wait_keep_the_partial_text(tracing: Tracing) -> None:
    client = answering(lambda _: stream(CHUNKS, "stall", 3), asynchronous=True)

    async def read() -> None:
        async with client.chat.completions.with_streaming_response.create(stream=True, **CHAT) as raw:
            async for _ in raw.iter_lines():
                pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(), 0.05)
    assert attributes(tracing)["error.type"] == "CancelledError"
    assert parts(tracing, "gen_ai.output.messages") == [{"type": "text", "content": "Everest is "}]


async def test_uninstrument_during_a_call_leaves_it_to_end_its_span(tracing: Tracing) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    class Slow(Wire):
        async def handle_async_request(self, request: http.Request) -> http.Response:
            asked.set()
            await answered.wait()
            return document(COMPLETION)

    client = client_on(Slow(lambda _: document(COMPLETION)), asynchronous=True)
    task = asyncio.create_task(client.chat.completions.create(**CHAT))
    await asked.wait()
    tracing.engine.uninstrument()
    answered.set()
    assert (await task).id == "chatcmpl-1"
    assert attributes(tracing)["gen_ai.usage.output_tokens"] == 34


def test_a_body_that_is_never_read_is_a_span(tracing: Tracing) -> None:
    client = answering(lambda _: document(COMPLETION))
    with client.chat.completions.with_streaming_response.create(**CHAT):
        pass
    assert tracing.span.status.status_code is StatusCode.UNSET
    tracing.clear()
    raw = answering(lambda _: stream(CHUNKS)).chat.completions.with_raw_response.create(stream=True, **CHAT)
    del raw
    gc.collect()
    assert attributes(tracing)["groundwire.usage.source"] == "estimated"
    assert attributes(tracing)["groundwire.stream.incomplete"] is True


def test_parse_of_a_raw_stream_twice_is_one_stream(tracing: Tracing) -> None:
    raw = answering(lambda _: stream(CHUNKS_WITH_USAGE)).chat.completions.with_raw_response.create(stream=True, **CHAT)
    one, two = raw.parse(), raw.parse()
    assert one is two
    assert len(list(one)) == len(CHUNKS_WITH_USAGE)
    assert attributes(tracing)["gen_ai.usage.output_tokens"] == 34


def test_a_raw_response_parsed_after_its_end_is_the_same(tracing: Tracing) -> None:
    raw = answering(lambda _: document(COMPLETION)).chat.completions.with_raw_response.create(**CHAT)
    assert raw.parse() is raw.parse()
    assert raw.headers["content-type"] == "application/json"
    assert len(tracing.spans) == 1


# --- embeddings -----------------------------------------------------------------------------------------------------


def test_embeddings_of_an_iterator_are_made(tracing: Tracing) -> None:
    client = answering(lambda _: document(EMBEDDINGS))
    made = client.embeddings.create(model="text-embedding-3-small", input=[QUESTION])
    assert made.data[0].embedding == [0.25, -0.5, 1.0]
    price = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=8), model_ref="text-embedding-3-small", provider_id="openai"
    )
    assert attributes(tracing)["gen_ai.usage.cost"] == pytest.approx(float(price.total_price))


# --- processes ------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_call_after_fork_is_a_span_of_the_child(tracing: Tracing) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            chat()
            os.write(writing, str(len(tracing.spans)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"1"
    assert tracing.spans == []


def _in_a_process(_: int) -> tuple[int, int]:
    with traced(PROVIDER) as tracing:
        chat()
        return len(tracing.spans), trace.get_current_span().get_span_context().span_id


def test_a_spawned_process_traces_its_own_calls() -> None:
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        assert pool.map(_in_a_process, [0, 1]) == [(1, 0), (1, 0)]
