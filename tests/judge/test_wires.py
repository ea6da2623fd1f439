"""The three wire formats: what is sent, what is read, what each calls its tokens."""

import json
from typing import Any

import pytest

from groundwire.errors import ConfigurationError, JudgeError
from groundwire.judge import Judge, Rubric
from groundwire.judge.endpoint import endpoint
from groundwire.judge.verdicts import SCHEMA
from groundwire.model import Passage, RagChain, Score, Skipped, Usage
from judge.server import Answer, Asked, JudgeServer, Raw, Says, honest, refusing, row

CHAIN = RagChain("How tall?", (Passage("The tower is 330 metres tall."),), "The tower is 330 metres tall.")
GOOD = [row(1, quote="330 metres tall")]


def judge(server: JudgeServer, api: str, **settings: Any) -> Judge:
    base = {"openai": server.url, "anthropic": server.origin, "gemini": server.origin + "/v1beta"}[api]
    return Judge("m-1", **{"base_url": base, "api": api, "api_key": "k-1", "retries": 0, **settings})


def test_openai() -> None:
    with JudgeServer(GOOD) as server:
        result = judge(server, "openai", seed=5).evaluate(CHAIN)
        asked = server.asked[0]
    assert isinstance(result, Score)
    assert result.value == 1.0
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer k-1"
    assert [m["role"] for m in asked.body["messages"]] == ["system", "user"]
    assert (asked.body["model"], asked.body["temperature"], asked.body["seed"]) == ("m-1", 0, 5)
    assert asked.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "verdicts", "strict": True, "schema": SCHEMA},
    }
    assert result.usage == Usage(1000, 200)


def test_anthropic() -> None:
    with JudgeServer(GOOD) as server:
        result = judge(server, "anthropic").evaluate(CHAIN)
        asked = server.asked[0]
    assert isinstance(result, Score)
    assert result.value == 1.0
    assert asked.path == "/v1/messages"
    assert asked.headers["x-api-key"] == "k-1"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in asked.headers
    assert asked.body["max_tokens"] > 0
    assert asked.body["temperature"] == 0
    assert asked.body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert [m["role"] for m in asked.body["messages"]] == ["user"]
    assert "seed" not in asked.body


def test_an_older_anthropic_model_is_given_a_tool() -> None:
    with JudgeServer(refusing("output_config", lambda asked: GOOD)) as server:
        result = judge(server, "anthropic").evaluate(CHAIN)
        asked = server.asked[-1]
    assert isinstance(result, Score)
    assert asked.body["tools"][0]["input_schema"] == SCHEMA
    assert asked.body["tool_choice"] == {"type": "tool", "name": asked.body["tools"][0]["name"]}


def test_gemini() -> None:
    with JudgeServer(GOOD) as server:
        result = judge(server, "gemini").evaluate(CHAIN)
        asked = server.asked[0]
    assert isinstance(result, Score)
    assert result.value == 1.0
    assert asked.path == "/v1beta/models/m-1:generateContent"
    assert asked.headers["x-goog-api-key"] == "k-1"
    config = asked.body["generationConfig"]
    assert (config["temperature"], config["seed"], config["responseMimeType"]) == (0, 0, "application/json")
    items = config["responseSchema"]["properties"]["sentences"]["items"]
    assert items["propertyOrdering"] == ["id", "passage", "quote", "reason", "verdict"]
    assert items["properties"]["verdict"]["enum"] == ["supported", "unsupported", "contradicted", "not_checkable"]
    assert "additionalProperties" not in json.dumps(config)


@pytest.mark.parametrize("api", ["openai", "anthropic", "gemini"])
def test_every_format_steps_down_to_plain_words(api: str) -> None:
    names = ("response_format", "output_config", "tools", "responseSchema", "responseMimeType")

    def mind(asked: Asked) -> Answer:
        return Raw(400, {"error": {"message": "no"}}) if any(n in json.dumps(asked.body) for n in names) else GOOD

    with JudgeServer(mind) as server:
        assert isinstance(judge(server, api).evaluate(CHAIN), Score)
        assert [a.form for a in server.asked] == ["json_schema", "json_object", "plain"]


@pytest.mark.parametrize("api", ["openai", "anthropic", "gemini"])
def test_every_format_can_refuse_the_temperature(api: str) -> None:
    with JudgeServer(refusing('"temperature"', lambda asked: GOOD)) as server:
        assert isinstance(judge(server, api).evaluate(CHAIN), Score)
        assert "temperature" not in json.dumps(server.asked[-1].body)
        assert server.asked[-1].form == "json_schema"


@pytest.mark.parametrize("api", ["openai", "anthropic", "gemini"])
def test_every_format_can_refuse_the_question(api: str) -> None:
    with JudgeServer(Says("{}", "content_filter")) as server:
        assert judge(server, api).evaluate(CHAIN) == Skipped("judge_refused")


@pytest.mark.parametrize("api", ["openai", "anthropic", "gemini"])
def test_every_format_can_be_cut_off(api: str) -> None:
    cut = json.dumps({"sentences": GOOD})[:20]
    with JudgeServer(Says(cut, "length"), GOOD) as server:
        result = judge(server, api).evaluate(CHAIN)
        assert len(server.asked) == 2
    assert isinstance(result, Score)
    assert result.value == 1.0


@pytest.mark.parametrize("api", ["openai", "anthropic", "gemini"])
def test_an_answer_of_another_format_is_an_error(api: str) -> None:
    with JudgeServer(Raw(200, {"hello": "world"})) as server, pytest.raises(JudgeError, match="does it speak"):
        judge(server, api).evaluate(CHAIN)


@pytest.mark.parametrize("api", ["openai", "anthropic", "gemini"])
def test_without_usage_there_is_no_cost_and_no_zero(api: str) -> None:
    with JudgeServer(Says(json.dumps({"sentences": GOOD}), usage=None)) as server:
        result = judge(server, api, price=(1.0, 1.0)).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert (result.usage, result.cost_usd) == (None, None)


def _answered(body: dict[str, Any]) -> Raw:
    return Raw(200, body)


def test_cached_and_reasoning_tokens_are_counted_as_everywhere() -> None:
    said = json.dumps({"sentences": GOOD})
    openai = {
        "choices": [{"message": {"content": said}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 40},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
    }  # fmt: skip
    anthropic = {
        "content": [{"type": "thinking", "thinking": "{"}, {"type": "text", "text": said}],
        "usage": {"input_tokens": 50, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 10,
                  "output_tokens": 50},
    }  # fmt: skip
    gemini = {
        "candidates": [{"content": {"parts": [{"text": "{ hm", "thought": True}, {"text": said}]}}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 30,
                          "cachedContentTokenCount": 40},
    }  # fmt: skip
    for api, body, usage in (
        ("openai", openai, Usage(100, 50, cache_read_tokens=40, reasoning_tokens=30)),
        ("anthropic", anthropic, Usage(100, 50, cache_read_tokens=40, cache_creation_tokens=10)),
        ("gemini", gemini, Usage(100, 50, cache_read_tokens=40, reasoning_tokens=30)),
    ):
        with JudgeServer(_answered(body)) as server:
            result = judge(server, api).evaluate(CHAIN)
        assert isinstance(result, Score)
        assert result.usage == usage, api


def test_a_blocked_prompt_of_gemini_is_a_refusal() -> None:
    with JudgeServer(_answered({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})) as server:
        assert judge(server, "gemini").evaluate(CHAIN) == Skipped("judge_refused")


def test_the_price_of_a_known_model_is_on_the_score_and_an_unknown_one_has_none() -> None:
    with JudgeServer(GOOD) as server:
        known = Judge("gpt-4.1-mini", base_url=server.url, retries=0).evaluate(CHAIN)
        unknown = Judge("llama-of-mine", base_url=server.url, retries=0).evaluate(CHAIN)
    assert isinstance(known, Score)
    assert isinstance(unknown, Score)
    assert known.cost_usd == pytest.approx((1000 * 0.4 + 200 * 1.6) / 1e6)
    assert unknown.cost_usd is None
    assert unknown.usage is not None


# --- where a judge is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "base_url", "api", "url", "provider"),
    [
        ("gpt-4.1-mini", None, "openai", "https://api.openai.com/v1", "openai"),
        ("claude-haiku-4-5", None, "anthropic", "https://api.anthropic.com", "anthropic"),
        ("gemini-2.5-flash", None, "gemini", "https://generativelanguage.googleapis.com/v1beta", "gcp.gemini"),
        ("claude-haiku-4-5", "https://openrouter.ai/api/v1/", "openai", "https://openrouter.ai/api/v1", "openrouter"),
        ("x", "https://api.anthropic.com/v1", "anthropic", "https://api.anthropic.com/v1", "anthropic"),
        ("x", "http://localhost:11434/v1", "openai", "http://localhost:11434/v1", "openai_compatible"),
        (
            "gemini-2.5-flash", "https://generativelanguage.googleapis.com/v1beta/openai", "openai",
            "https://generativelanguage.googleapis.com/v1beta/openai", "gcp.gemini",
        ),
    ],
)  # fmt: skip
def test_the_format_is_guessed(model: str, base_url: str | None, api: str, url: str, provider: str) -> None:
    found = endpoint(model, base_url, None)
    assert (found.api, found.base_url, found.provider) == (api, url, provider)


def test_a_key_of_the_environment_goes_to_its_own_host_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, f"of-{name}")
    with JudgeServer(GOOD) as server:
        Judge("gpt-4.1-mini", base_url=server.url, retries=0).evaluate(CHAIN)
        assert "of-" not in json.dumps(server.asked[0].headers)
    assert endpoint("gpt-4.1-mini", None, None).key() == "of-OPENAI_API_KEY"
    assert endpoint("gemini-2.5-flash", None, None).key() == "of-GEMINI_API_KEY"
    assert endpoint("x", "https://api.groq.com/openai/v1", None).key() is None


def test_a_gateway_that_the_environment_names_gets_the_usual_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    with JudgeServer(GOOD) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        Judge("m", retries=0).evaluate(CHAIN)
        assert server.asked[0].headers["authorization"] == "Bearer usual"


def test_a_server_without_keys_is_sent_none() -> None:
    with JudgeServer(honest) as server:
        Judge("m", base_url=server.url, retries=0).evaluate(CHAIN)
        Rubric("short", "Be short.", model="m", base_url=server.origin, api="anthropic", api_key="", retries=0)
        assert "authorization" not in server.asked[0].headers


def test_azure_takes_its_key_by_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from groundwire.judge.openai_chat import OpenAIChat

    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_API_KEY"):
        Judge("d", base_url="https://x.openai.azure.com/openai/v1")
    assert OpenAIChat().headers("k", "x.openai.azure.com") == {"api-key": "k"}
