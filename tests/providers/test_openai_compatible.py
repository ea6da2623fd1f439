"""What other makers' servers say in OpenAI's protocol: tokens counted otherwise, thoughts, tiers, sound."""

from collections.abc import Iterator, Mapping
from typing import Any

import genai_prices
import pytest

from conformance.cases import decoded
from conformance.harness import Tracing, traced
from conformance.openai_wire import ANSWER, CHUNKS, COMPLETION, QUESTION, answering, chunk, document, response, stream
from groundwire_instrumentation.openai import PROVIDER

ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": QUESTION}]}
USED = {"input": 100, "output": 50}


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with traced(PROVIDER) as tracing:
        yield tracing


def attributes(tracing: Tracing) -> dict[str, Any]:
    return decoded(tracing.span.attributes)


def ask(host: str, model: str, streamed: bool, last: Mapping[str, Any], delta: Mapping[str, Any] | None = None) -> None:
    """One chat with that server, whose answer (or last chunk) has these members, and whose message those."""
    url = f"https://{host}/v1"
    if streamed:
        events = [chunk({"role": "assistant", "content": "", **(delta or {})}, model=model), *CHUNKS[1:]]
        events = [e | {"model": model, "service_tier": None} for e in [*events, chunk()]]
        events[-1] |= last
        client = answering(lambda _: stream(events), base_url=url)
        list(client.chat.completions.create(model=model, stream=True, **ASKED))
        return
    message = {"role": "assistant", "content": ANSWER, **(delta or {})}
    whole = COMPLETION | {"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "service_tier": None}
    client = answering(lambda _: document(whole | {"model": model} | last), base_url=url)
    client.chat.completions.create(model=model, **ASKED)


def usage(prompt: int, completion: int, **rest: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion} | rest


CACHED = {"cached_tokens": 60}
THOUGHT = {"completion_tokens_details": {"reasoning_tokens": 40}}
COUNTED = {
    # Thoughts beside the rest: the total says so.
    "x.ai": (
        "api.x.ai",
        "grok-4",
        {"usage": usage(100, 10, total_tokens=150, prompt_tokens_details=CACHED) | THOUGHT},
        {"input": 100, "output": 50, "cache_read.input": 60, "reasoning.output": 40},
    ),
    "Gemini": (
        "generativelanguage.googleapis.com",
        "gemini-2.5-flash",
        {"usage": usage(100, 10, total_tokens=150)},
        {"input": 100, "output": 50, "reasoning.output": 40},
    ),
    # A part of the rest, as with OpenAI.
    "DeepSeek": (
        "api.deepseek.com",
        "deepseek-reasoner",
        {"usage": usage(100, 50, prompt_cache_hit_tokens=60, prompt_cache_miss_tokens=40) | THOUGHT},
        {"input": 100, "output": 50, "cache_read.input": 60, "reasoning.output": 40},
    ),
    "Moonshot": (
        "api.moonshot.ai",
        "kimi-k2",
        {"usage": usage(100, 50, cached_tokens=60)},
        {"input": 100, "output": 50, "cache_read.input": 60},
    ),
    "Databricks": (
        "mine.cloud.databricks.com",
        "databricks-claude-sonnet-4",
        {"usage": usage(100, 50, cache_read_input_tokens=60, cache_creation_input_tokens=20, reasoning_tokens=40)},
        {"input": 100, "output": 50, "cache_read.input": 60, "cache_creation.input": 20, "reasoning.output": 40},
    ),
    "Groq": (
        "api.groq.com",
        "openai/gpt-oss-120b",
        {"usage": None, "x_groq": {"id": "req-1", "usage": usage(100, 50)}},
        {"input": 100, "output": 50},
    ),
    # Anything else that a total holds is nobody's.
    "an odd total": (
        "api.openai.com",
        "gpt-4o-mini",
        {"usage": usage(100, 50, total_tokens=999)},
        {"input": 100, "output": 50},
    ),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("server", COUNTED)
def test_tokens_are_all_there_however_a_server_counts_them(tracing: Tracing, server: str, streamed: bool) -> None:
    host, model, last, counts = COUNTED[server]
    ask(host, model, streamed, last)
    got = {k: v for k, v in attributes(tracing).items() if k.startswith("gen_ai.usage.") and k != "gen_ai.usage.cost"}
    assert got == {f"gen_ai.usage.{name}_tokens": count for name, count in counts.items()}
    assert "groundwire.usage.source" not in attributes(tracing)


def test_deep_research_of_perplexity_is_thought_cited_and_searched(tracing: Tracing) -> None:
    counts = usage(100, 50, reasoning_tokens=400, citation_tokens=30, num_search_queries=7)
    ask("api.perplexity.ai", "sonar-deep-research", False, {"usage": counts})
    got = attributes(tracing)
    assert got["gen_ai.usage.output_tokens"] == 480
    assert got["gen_ai.usage.reasoning.output_tokens"] == 400
    # 100 in at 2, 50 out at 8, 400 thought at 3, 30 cited at 2 USD a million; 7 searches at 5 a thousand.
    assert got["gen_ai.usage.cost"] == pytest.approx((200 + 400 + 1200 + 60) / 1e6 + 0.035)


def test_responses_of_perplexity_are_cached_and_searched(tracing: Tracing) -> None:
    counts = {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150}
    beside = {
        "input_tokens_details": {"cache_read_input_tokens": 60},
        "tool_calls_details": {"search_web": {"invocation": 7}},
    }
    client = answering(
        lambda _: document(response(model="perplexity/sonar", usage=counts | beside)),
        base_url="https://api.perplexity.ai/v1",
    )
    client.responses.create(model="perplexity/sonar", input=QUESTION)
    got = attributes(tracing)
    assert got["gen_ai.usage.cache_read.input_tokens"] == 60
    # 40 new at 0.25, 60 cached at 0.0625, 50 out at 2.5 USD a million; 7 searches at 2.5 a thousand.
    assert got["gen_ai.usage.cost"] == pytest.approx((10 + 3.75 + 125) / 1e6 + 0.0175)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thoughts_of_other_servers_stand_before_the_text(tracing: Tracing, name: str, streamed: bool) -> None:
    ask("api.deepseek.com", "deepseek-reasoner", streamed, {"usage": usage(1, 1)}, {name: "Hm."})
    (message,) = attributes(tracing)["gen_ai.output.messages"]
    assert message["parts"] == [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": ANSWER}]


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("https://mine.cloud.databricks.com/serving-endpoints", "databricks-glm-5-2"),
        ("https://adb-1.2.azuredatabricks.net/serving-endpoints", "databricks-glm-5-2"),
        ("https://inference.baseten.co/v1", "deepseek-ai/DeepSeek-V4-Pro"),
        ("https://api.cloudflare.com/client/v4/accounts/mine/ai/v1", "@cf/meta/llama-3.1-8b-instruct"),
        ("https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", "Llama-3.1-8B-Instruct"),
        ("https://api.fireworks.ai/inference/v1", "accounts/fireworks/models/deepseek-v3p2"),
        ("https://api.minimaxi.com/v1", "MiniMax-M2.7"),
    ],
)
def test_a_server_that_the_price_table_knows_has_its_prices(tracing: Tracing, url: str, model: str) -> None:
    answer = COMPLETION | {"model": model, "usage": usage(1000, 100)}
    answering(lambda _: document(answer), base_url=url).chat.completions.create(model=model, **ASKED)
    used = genai_prices.Usage(input_tokens=1000, output_tokens=100)
    price = genai_prices.calc_price(used, model_ref=model, provider_api_url=url)
    assert attributes(tracing)["gen_ai.usage.cost"] == pytest.approx(float(price.total_price))


@pytest.mark.parametrize("streamed", [False, True])
def test_thoughts_among_the_parts_of_a_text_are_thoughts(tracing: Tracing, streamed: bool) -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    text = [] if streamed else [{"type": "text", "text": ANSWER}]  # which goes on as bare text where it is streamed
    ask("api.mistral.ai", "magistral-medium-latest", streamed, {"usage": usage(1, 1)}, {"content": [thinking, *text]})
    (message,) = attributes(tracing)["gen_ai.output.messages"]
    assert message["parts"] == [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": ANSWER}]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("tier", ["flex", "priority", "default", "scale"])
def test_a_tier_has_its_own_price_or_none(tracing: Tracing, tier: str, streamed: bool) -> None:
    ask("api.openai.com", "gpt-5", streamed, {"usage": usage(1000, 100), "service_tier": tier})
    price = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=1000, output_tokens=100),
        model_ref="gpt-5",
        provider_id="openai",
        price_context={"service_tier": tier},
    )
    cost = attributes(tracing).get("gen_ai.usage.cost")
    assert cost == (None if tier == "scale" else pytest.approx(float(price.total_price)))


def test_a_tier_of_the_responses_api_has_its_own_price(tracing: Tracing) -> None:
    client = answering(lambda _: document(response(model="gpt-5", service_tier="flex")))
    client.responses.create(model="gpt-5", input=QUESTION)
    # 20 new at 0.625, 100 cached at 0.0625, 34 made at 5 USD a million.
    assert attributes(tracing)["gen_ai.usage.cost"] == pytest.approx((12.5 + 6.25 + 170) / 1e6)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_was_spoken_is_text_and_its_tokens_are_told(tracing: Tracing, streamed: bool) -> None:
    counts = usage(100, 50) | {
        "prompt_tokens_details": {"audio_tokens": 80, "cached_tokens": 0},
        "completion_tokens_details": {"audio_tokens": 30},
    }
    spoken = {"content": None, "audio": {"id": "a", "data": "AAAA", "expires_at": 1, "transcript": "8,849 m."}}
    ask("api.openai.com", "gpt-4o-audio-preview", streamed, {"usage": counts}, spoken)
    got = attributes(tracing)
    assert got["groundwire.usage.input_audio_tokens"] == 80
    assert got["groundwire.usage.output_audio_tokens"] == 30
    assert got["gen_ai.output.messages"][0]["parts"][0]["content"].startswith("8,849 m.")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_function_call_of_the_old_kind_is_a_tool_call(tracing: Tracing, streamed: bool) -> None:
    called = {"content": None, "function_call": {"name": "height", "arguments": '{"of": "Everest"}'}}
    ask("api.openai.com", "gpt-4o-mini", streamed, {"usage": usage(1, 1)}, called)
    calls = [p for p in attributes(tracing)["gen_ai.output.messages"][0]["parts"] if p["type"] == "tool_call"]
    assert calls == [{"type": "tool_call", "id": None, "name": "height", "arguments": '{"of": "Everest"}'}]


def test_calls_that_all_have_one_number_are_kept_apart(tracing: Tracing) -> None:
    def called(identity: str, name: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": 0, "id": identity, "function": {"name": name, "arguments": "{}"}}]}

    events = [chunk(called("a", "f")), chunk(called("b", "g")), chunk({}, finish="tool_calls")]
    list(answering(lambda _: stream(events)).chat.completions.create(model="gpt-4o-mini", stream=True, **ASKED))
    parts = attributes(tracing)["gen_ai.output.messages"][0]["parts"]
    assert [(part["id"], part["name"]) for part in parts] == [("a", "f"), ("b", "g")]


def test_what_is_put_into_the_body_is_asked_too(tracing: Tracing) -> None:
    extra = {"model": "gpt-4o", "temperature": 0.25}
    client = answering(lambda _: document(COMPLETION))
    client.chat.completions.create(model="gpt-4o-mini", extra_body=extra, **ASKED)
    assert attributes(tracing)["gen_ai.request.model"] == "gpt-4o"
    assert attributes(tracing)["gen_ai.request.temperature"] == 0.25


def test_a_conversation_made_shorter_has_used_tokens_and_is_no_answer(tracing: Tracing) -> None:
    said = {"type": "message", "id": "m", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}
    items = [said, {"type": "compaction", "id": "c", "encrypted_content": "x"}]
    compacted = {"id": "resp_2", "object": "response.compaction", "created_at": 1, "output": items}
    client = answering(lambda _: document(compacted | {"usage": response()["usage"]}))
    client.responses.compact(model="gpt-5.2", input=QUESTION)
    got = attributes(tracing)
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.output_tokens"]) == (120, 34)
    assert "gen_ai.usage.cost" in got
    assert got["gen_ai.output.messages"] == [{"role": "assistant", "parts": [{"type": "compaction", "id": "c"}]}]
