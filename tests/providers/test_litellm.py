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
