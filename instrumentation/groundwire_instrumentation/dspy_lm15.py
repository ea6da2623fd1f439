"""lm15, the client that DSPy brings along: chats, whole and streamed, sync and async, with whoever they are.

One span is one request over the wire: what DSPy has in its caches is no call, and each retry is one. Counts come as
the service told them, which do not all mean the same: Anthropic's cached tokens stand beside its input, Google's and
xAI's thoughts beside their output. Some calls of DSPy go through LiteLLM; they are told there.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.budget import to_json
from groundwire.hosts import COMPATIBLE, server
from groundwire.media import blob_part, file_part, uri_part
from groundwire.model import Operation, Provider, Request, Response, Usage

_ENGINE = "dspy.clients.engines.lm15_engine"
_MAKERS: Mapping[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "xai": "x_ai",
    "groq": "groq",
    "deepseek": "deepseek",
    "openrouter": "openrouter",
    "moonshotai": "moonshot_ai",
    "zai": "zai",
    "ollama": "ollama",
    "vllm": COMPATIBLE,
    "sglang": COMPATIBLE,
}
_SETTINGS = ("temperature", "top_p", "top_k", "max_tokens", "seed", "frequency_penalty", "presence_penalty")
_KEPT = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
_TEXTS = {"text": "text", "thinking": "reasoning", "refusal": "text", "citation": "text"}


def _request(engine: Any, arguments: Mapping[str, Any], *, stream: bool = False) -> Request:
    asked, route = arguments["request"], engine.resolve(arguments["request"].model)
    maker, address, port = _who(engine, route)
    attributes = {f"gen_ai.request.{name}": getattr(asked.config, name) for name in _SETTINGS}
    attributes["gen_ai.request.stop_sequences"] = asked.config.stop or None
    attributes["gen_ai.request.reasoning.level"] = getattr(asked.config.reasoning, "effort", None)
    system = asked.system
    return Request(
        model=route.model,
        provider=maker,
        server_address=address,
        server_port=port,
        messages=[{"role": message.role, "parts": list(map(_part, message.parts))} for message in asked.messages],
        instructions=[{"type": "text", "content": system}]
        if isinstance(system, str)
        else list(map(_part, system or ())),
        tools=[_tool(tool) for tool in asked.tools],
        stream=stream,
        attributes={name: value for name, value in attributes.items() if value is not None},
    )


def _who(engine: Any, route: Any) -> tuple[str, str | None, int | None]:
    """Name, host and port: of the address that was given, else of the service's own."""
    url = (engine.config.base_urls or {}).get(route.provider)
    declared = {each.id: each for each in engine.config.providers} if route.declared else {}
    if url is None and (definition := declared.get(route.provider)) is not None:
        url = getattr(definition.access, "base_url", None)
    maker = _MAKERS.get(route.provider.partition("-")[0])
    if route.provider in ("claude-code", "openai-codex") or maker is None:
        maker = route.provider  # a subscription, which has no price by the token; or nobody that we know
    if url is None:
        return maker, None, None
    named, address, port = server(url)
    own = named == COMPATIBLE and route.adapter.removeprefix("Async") not in ("OpenAILM", "OpenAIChatLM")
    return maker if own else named, address, port


def _part(part: Any) -> dict[str, Any]:
    if (kind := _TEXTS.get(part.type)) is not None:
        refused = {"refusal": True} if part.type == "refusal" else {}
        return {"type": kind, "content": part.text or ""} | refused
    if part.type == "tool_call":
        return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.input}
    if part.type == "tool_result":
        texts = [getattr(each, "text", None) or "" for each in part.content]
        return {"type": "tool_call_response", "id": part.id, "response": "".join(texts)}
    if part.type == "data":
        return {"type": "text", "content": to_json(part.value)}
    if part.data is not None:
        return blob_part(part.type, part.media_type, part.data)
    return uri_part(part.type, part.url) if part.url is not None else file_part(part.type, part.file_id)


def _tool(tool: Any) -> dict[str, Any]:
    told = {name: getattr(tool, name, None) for name in ("type", "name", "description", "parameters")}
    return {name: value for name, value in told.items() if value is not None}


def _counted(counts: Any, raw: Any) -> dict[str, Any]:
    """Usage, and what of it has an attribute of its own."""
    given, made, thought = counts.input_tokens, counts.output_tokens, counts.reasoning_tokens
    if given is None and made is None:
        return {}
    told = (raw or {}).get("usage") or {}
    kept = (told.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or None
    if given is not None and ("cache_read_input_tokens" in told or "cache_creation_input_tokens" in told):
        given += (counts.cache_read_tokens or 0) + (counts.cache_write_tokens or 0)
    elif made is not None and thought and (counts.total_tokens or 0) >= (given or 0) + made + thought:
        made += thought
    usage = Usage(
        given,
        made,
        cache_read_tokens=counts.cache_read_tokens,
        cache_creation_tokens=counts.cache_write_tokens,
        cache_creation_1h_tokens=kept,
        reasoning_tokens=thought,
    )
    return {"usage": usage, "attributes": {_KEPT: kept} if kept else {}}


def _answered(answer: Any) -> Response:
    return Response(
        model=answer.model,
        id=answer.id,
        messages=[{"role": "assistant", "parts": list(map(_part, answer.message.parts))}],
        finish_reasons=(answer.finish_reason,),
        **_counted(answer.usage, answer.provider_data),
    )


class _Events:
    """Events of one stream."""

    def __init__(self) -> None:
        self._start: Any = None
        self._ends: list[Any] = []
        self._parts: dict[int, dict[str, Any]] = {}

    def add(self, event: Any, /) -> None:
        if event.type == "start":
            self._start = event
        elif event.type == "end":
            self._ends.append(event)
        elif event.type == "delta" and (piece := event.delta).type in ("text", "thinking", "tool_call"):
            part = self._parts.setdefault(piece.part_index, {"type": _TEXTS.get(piece.type, "tool_call")})
            if piece.type != "tool_call":
                part["content"] = part.get("content", "") + (piece.text or "")
                return
            part |= {name: value for name in ("id", "name") if (value := getattr(piece, name)) is not None}
            part["arguments"] = part.get("arguments", "") + piece.input

    def response(self) -> Response:
        end = next((each for each in reversed(self._ends) if each.usage is not None), None)
        reasons = [each.finish_reason for each in self._ends if each.finish_reason]
        parts = [self._parts[index] for index in sorted(self._parts)]
        return Response(
            model=getattr(self._start, "model", None),
            id=getattr(self._start, "id", None),
            messages=[{"role": "assistant", "parts": parts}] if parts else None,
            finish_reasons=reasons[-1:],
            **({} if end is None else _counted(end.usage, end.provider_data)),
        )


PROVIDER = Provider(
    name="dspy_lm15",
    module=_ENGINE,
    distribution="dspy",
    operations=(
        Operation(
            "chat", (f"{_ENGINE}:LM15Engine.complete", f"{_ENGINE}:AsyncLM15Engine.complete"), _request, _answered
        ),
        Operation(
            "chat",
            (f"{_ENGINE}:LM15Engine.stream", f"{_ENGINE}:AsyncLM15Engine.stream"),
            lambda engine, arguments: _request(engine, arguments, stream=True),
            _answered,
            _Events,
        ),
    ),
)
