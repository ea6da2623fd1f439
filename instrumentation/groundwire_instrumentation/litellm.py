"""LiteLLM: completions, responses, bare completions, embeddings and rerank; the router's calls pass through the same.

One span a call, whoever answers: what LiteLLM asks of OpenAI's client underneath is told by it, and nowhere else.
The provider is who the model's name says, the model is what that provider calls it. A function that was imported by
name (`from litellm import completion`) before instrumentation stays as it was.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from groundwire.hosts import server
from groundwire.model import Document, Operation, Provider, Request, Response, Usage
from groundwire.wire import fields
from groundwire_instrumentation import _chat_shaped, _openai_chat, _openai_chunks, _openai_responses, openai
from groundwire_instrumentation._openai_usage import usage_of

_PROVIDERS: Mapping[str, str] = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "anthropic": "anthropic",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "vertex_ai": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "ollama": "ollama",
    "ollama_chat": "ollama",
    "deepseek": "deepseek",
    "xai": "x_ai",
    "perplexity": "perplexity",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "openrouter": "openrouter",
    "huggingface": "huggingface",
    "voyage": "voyageai",
    "watsonx": "ibm.watsonx.ai",
    "moonshot": "moonshot_ai",
    "cerebras": "cerebras",
    "hosted_vllm": "openai_compatible",
    "lm_studio": "openai_compatible",
}
_UNNAMED: Mapping[str, str] = {
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "text-embedding-3": "openai",
    "text-embedding-ada": "openai",
    "claude-": "anthropic",
    "gemini-": "gcp.vertex_ai",
    "command-": "cohere",
    "embed-": "cohere",
    "rerank-": "cohere",
}
_WAYS = ("converse/", "invoke/", "responses/")
"""How a model is to be asked, in front of its name."""
_BODY = (
    *("temperature", "top_p", "n", "stop", "max_completion_tokens", "max_tokens", "presence_penalty", "tools"),
    *("frequency_penalty", "reasoning_effort", "seed", "messages", "prompt"),
    *("input", "instructions", "max_output_tokens", "reasoning", "previous_response_id"),
)


def _who(arguments: Mapping[str, Any]) -> tuple[str | None, str | None, Any]:
    """Model, provider, and the address where it was given."""
    model = arguments.get("model")
    url = arguments.get("api_base") or arguments.get("base_url")
    if not isinstance(model, str):
        return None, None, url
    prefix, _, rest = model.partition("/")
    named = arguments.get("custom_llm_provider") or (prefix if rest else None)
    provider = _PROVIDERS.get(str(named))
    if provider is not None and prefix in _PROVIDERS and rest:
        model = next((rest.removeprefix(way) for way in _WAYS if rest.startswith(way)), rest)
    if provider is None and not rest:
        provider = next((who for start, who in _UNNAMED.items() if model.startswith(start)), None)
    if provider == "openai":
        url = url or _everywhere()
        provider = provider if url is None else server(url)[0]  # LiteLLM's word for all servers that speak the protocol
    return model, provider, url


def _everywhere() -> str | None:
    """The address that all calls in OpenAI's protocol go to; None: its maker's."""
    variables = (os.environ.get(name) for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"))
    return next(filter(None, (getattr(sys.modules.get("litellm"), "api_base", None), *variables)), None)


def _reads(read: Callable[[Mapping[str, Any], Mapping[str, Any]], Request]) -> Callable[..., Request]:
    def request(_: Any, arguments: Mapping[str, Any]) -> Request:
        model, provider, url = _who(arguments)
        body = {name: arguments.get(name) for name in _BODY} | {"model": model}
        return _chat_shaped.asked(body, url, stream=bool(arguments.get("stream")), provider=provider, read=read)

    return request


def _common(arguments: Mapping[str, Any]) -> dict[str, Any]:
    model, provider, url = _who(arguments)
    _, address, port = server(url) if url is not None else (None, None, None)
    return {"model": model, "provider": provider, "server_address": address, "server_port": port}


def _embed(_: Any, arguments: Mapping[str, Any]) -> Request:
    dimensions = arguments.get("dimensions")
    attributes = {} if dimensions is None else {"gen_ai.embeddings.dimension.count": dimensions}
    return Request(attributes=attributes, **_common(arguments))


def _rerank(_: Any, arguments: Mapping[str, Any]) -> Request:
    before = [Document(d if isinstance(d, str) else d.get("text")) for d in arguments["documents"]]
    return Request(
        query=arguments["query"],
        documents=before,
        top_k=arguments.get("top_n"),
        read=lambda result: _ranked(before, result),
        **_common(arguments),
    )


def _ranked(before: Sequence[Document], result: Any) -> Response:
    rows = fields(_chat_shaped.plain(result)).results or ()
    found = [replace(before[row.index], score=row.relevance_score) for row in rows]
    return Response(documents=found, higher_is_better=True)


class _Chunks(_openai_chunks.Chunks):
    """Chunks of a streamed completion, which repeat the model that was asked for; who answered is told beside."""

    def __init__(self) -> None:
        super().__init__()
        self._model: str | None = None
        self._hidden: Mapping[str, Any] = {}

    def add(self, chunk: Any) -> None:
        super().add(chunk)
        hidden = getattr(chunk, "_hidden_params", None) or {}
        self._model = hidden.get("provider_response_model") or self._model
        if hidden.get("usage") is not None:  # from applications that did not ask; at the end the last one holds all
            self._hidden = hidden

    def response(self) -> Response:
        response = super().response()
        if self._usage is None and (used := usage_of(self._hidden.get("usage"), self._last)) is not None:
            response = replace(response, usage=used if used.input_tokens or used.output_tokens else None)
        return replace(response, model=self._model or response.model)


def _billed(read: Callable[[Any], Response], counts: Usage) -> Callable[[Any], Response]:
    """Out of LiteLLM's cache an answer costs nothing: its tokens were those of the call that put it there."""

    def response(result: Any) -> Response:
        told = read(result)
        if (getattr(result, "_hidden_params", None) or {}).get("cache_hit") is not True:
            return told
        return replace(told, usage=counts, attributes={**told.attributes, "litellm.response.cache_hit": True})

    return response


def _embedded(result: Any) -> Response:
    used = usage_of(fields(_chat_shaped.plain(result)).usage)
    # Where the provider does not count, LiteLLM says 0.
    return Response(
        model=getattr(result, "model", None), usage=Usage(used.input_tokens) if used and used.input_tokens else None
    )


_NOTHING = Usage(0, 0)
_CHAT = _billed(_openai_chat.answered, _NOTHING)


def _targets(*functions: str) -> tuple[str, ...]:
    return tuple(f"litellm:{how}{function}" for function in functions for how in ("", "a"))


PROVIDER = Provider(
    name="litellm",
    module="litellm",
    distribution="litellm",
    operations=(
        Operation("chat", _targets("completion"), _reads(openai.chat), _CHAT, _Chunks),
        Operation(
            "chat",
            _targets("text_completion"),
            _reads(openai.text),
            _CHAT,
            _openai_chunks.TextChunks,
        ),
        Operation(
            "chat",
            _targets("responses"),
            _reads(openai.response),
            _billed(_openai_responses.answered, _NOTHING),
            _openai_responses.Events,
        ),
        Operation("embeddings", _targets("embedding"), _embed, _billed(_embedded, Usage(0))),
        Operation("rerank", _targets("rerank"), _rerank, lambda _: Response(), iterables=("documents",)),
    ),
    covers=("openai",),
)
