"""Who answers a call of LiteLLM, by the words that its models are named in; the library itself is not needed."""

from types import SimpleNamespace
from typing import Any

import pytest

from groundwire_instrumentation.litellm import PROVIDER


@pytest.mark.parametrize(
    ("given", "model", "provider"),
    [
        ({"model": "gpt-4o"}, "gpt-4o", "openai"),
        ({"model": "openai/gpt-4o"}, "gpt-4o", "openai"),
        ({"model": "openai/mine", "api_base": "http://localhost:8000/v1"}, "mine", "openai_compatible"),
        ({"model": "openai/x", "api_base": "https://api.deepseek.com"}, "x", "deepseek"),
        ({"model": "anthropic/claude-sonnet-4-5"}, "claude-sonnet-4-5", "anthropic"),
        ({"model": "claude-sonnet-4-5"}, "claude-sonnet-4-5", "anthropic"),
        ({"model": "bedrock/converse/us.anthropic.claude-x"}, "us.anthropic.claude-x", "aws.bedrock"),
        ({"model": "openai/responses/gpt-5-mini"}, "gpt-5-mini", "openai"),
        ({"model": "together_ai/meta-llama/Llama-3"}, "meta-llama/Llama-3", "together"),
        ({"model": "mine", "custom_llm_provider": "groq"}, "mine", "groq"),
        ({"model": "new_maker/some-model"}, "new_maker/some-model", None),
        ({"model": "some-model"}, "some-model", None),
        ({"model": None}, None, None),
    ],
)
def test_the_name_of_a_model_says_who_answers(given: dict[str, Any], model: str | None, provider: str | None) -> None:
    request = PROVIDER.operations[0].request(None, {"messages": [], **given})
    assert (request.model, request.provider) == (model, provider)


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
def test_an_address_for_all_calls_says_who_answers(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://localhost:8000/v1")
    for model, provider in (("gpt-4o", "openai_compatible"), ("claude-sonnet-4-5", "anthropic")):
        assert PROVIDER.operations[0].request(None, {"messages": [], "model": model}).provider == provider


def test_documents_may_be_mappings() -> None:
    asked = {"model": "cohere/rerank-v3.5", "query": "?", "documents": ["one", {"text": "two"}], "top_n": 1}
    (rerank,) = (operation for operation in PROVIDER.operations if operation.kind == "rerank")
    request = rerank.request(None, asked)
    assert [document.text for document in request.documents or ()] == ["one", "two"]
    assert request.top_k == 1


@pytest.mark.parametrize(("counted", "told"), [(8, 8), (0, None)])
def test_tokens_that_the_provider_of_an_embedding_does_not_count_are_unknown(counted: int, told: int | None) -> None:
    (embed,) = (operation for operation in PROVIDER.operations if operation.kind == "embeddings")
    usage = embed.response(SimpleNamespace(model="m", usage={"prompt_tokens": counted})).usage
    assert (usage and usage.input_tokens) == told


def _whole(**hidden: Any) -> Any:
    usage, message = {"prompt_tokens": 8, "completion_tokens": 2}, {"role": "assistant", "content": "Hi."}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return SimpleNamespace(model="m", id="1", choices=choices, usage=usage, _hidden_params=hidden)


@pytest.mark.parametrize(
    ("hidden", "counts"), [({}, (8, 2)), ({"cache_hit": None}, (8, 2)), ({"cache_hit": True}, (0, 0))]
)
def test_an_answer_out_of_litellm_s_cache_costs_nothing(hidden: dict[str, Any], counts: tuple[int, int]) -> None:
    response = PROVIDER.operations[0].response(_whole(**hidden))
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == counts
    assert response.attributes.get("litellm.response.cache_hit") == (True if counts == (0, 0) else None)
    assert [part["content"] for message in response.messages or () for part in message["parts"]] == ["Hi."]


class _Item:
    """What was said before, as LiteLLM returned it."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}


def test_what_a_response_said_before_may_be_handed_on_as_it_is() -> None:
    (respond,) = (one for one in PROVIDER.operations if one.targets[0] == "litellm:responses")
    request = respond.request(None, {"model": "gpt-5", "input": [_Item(), {"role": "user", "content": "And now?"}]})
    assert [message["parts"][0]["content"] for message in request.messages or ()] == ["Hi.", "And now?"]
