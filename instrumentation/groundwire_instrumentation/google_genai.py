"""Google's Gen AI SDK: `generate_content` and its stream, chats upon them, `embed_content`; Gemini and Vertex.

One request to the model is one call: where the SDK calls the application's functions by itself, or asks for an answer
to be continued, it makes several, each with its own tokens. So the methods underneath are traced, which make one each.
A prompt's tokens include cached ones; thoughts and what tools returned are counted beside, and are added up here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.hosts import server
from groundwire.model import Message, Operation, Provider, Request, Response, Usage
from groundwire_instrumentation._google_contents import get, messages_of, part_of, plain, tools_of

_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "candidate_count": "gen_ai.request.choice.count",
    "output_dimensionality": "gen_ai.embeddings.dimension.count",
}
_FILTERED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")


def _targets(method: str) -> tuple[str, ...]:
    return (f"google.genai.models:Models.{method}", f"google.genai.models:AsyncModels.{method}")


# --- what was asked -------------------------------------------------------------------------------------------------


def _common(models: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    config, client = arguments.get("config"), models._api_client
    attributes: dict[str, Any] = {
        attribute: value for name, attribute in _PARAMETERS.items() if (value := get(config, name)) is not None
    }
    if attributes.get("gen_ai.request.choice.count") == 1:
        del attributes["gen_ai.request.choice.count"]
    if stop := get(config, "stop_sequences"):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    if level := get(get(config, "thinking_config"), "thinking_level"):
        attributes["gen_ai.request.reasoning.level"] = str(getattr(level, "value", level)).lower()
    _, host, port = server(client._http_options.base_url)
    tier = plain(get(config, "service_tier"))
    return {
        "model": arguments["model"].rpartition("models/")[2],
        "provider": "gcp.vertex_ai" if client.vertexai else "gcp.gemini",
        "server_address": host,
        "server_port": port,
        "terms": {"service_tier": tier} if tier in ("flex", "priority") else {},
        "attributes": attributes,
    }


def _request(models: Any, arguments: Mapping[str, Any]) -> Request:
    config = arguments.get("config")
    return Request(
        messages=list(messages_of(arguments["contents"])),
        instructions=[part for message in messages_of(get(config, "system_instruction")) for part in message["parts"]],
        tools=[one for tool in get(config, "tools") or () for one in tools_of(tool)],
        **_common(models, arguments),
    )


def _stream_request(models: Any, arguments: Mapping[str, Any]) -> Request:
    return replace(_request(models, arguments), stream=True)


def _embed_request(models: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(models, arguments))


# --- what came back -------------------------------------------------------------------------------------------------


class _Chunks:
    """Chunks of one answer, streamed or whole; what is said of usage later holds."""

    def __init__(self) -> None:
        self._candidates: dict[int, tuple[list[dict[str, Any]], list[str]]] = {}
        self._last: Any = None
        self._counts: dict[str, int] = {}
        self._usage: Any = None
        self._blocked: Any = None

    def add(self, chunk: Any) -> None:
        self._last = chunk
        usage = chunk.usage_metadata
        if usage is not None:
            self._usage = usage
            told = vars(usage)
            for name in _COUNTS:
                if (count := told.get(name)) is not None:
                    self._counts[name] = count
        if chunk.prompt_feedback is not None:
            self._blocked = chunk.prompt_feedback.block_reason or self._blocked
        for candidate in chunk.candidates or ():
            index = candidate.index or 0
            parts, finish = self._candidates.get(index) or self._candidates.setdefault(index, ([], []))
            for part in (candidate.content and candidate.content.parts) or ():
                told = vars(part)
                if (text := told.get("text")) is not None:  # nearly always
                    kind = "reasoning" if told.get("thought") else "text"
                    if parts and parts[-1]["type"] == kind:
                        parts[-1]["content"] += text
                    else:
                        parts.append({"type": kind, "content": text})
                else:
                    parts.append(part_of(part))
            if candidate.finish_reason is not None:
                finish[:] = [str(plain(candidate.finish_reason))]

    def response(self) -> Response:
        messages: list[Message] = []
        reasons: list[str] = []
        for _, (parts, finish) in sorted(self._candidates.items()):
            reasons += (_finish(reason, parts) for reason in finish)
            messages.append({"role": "assistant", "parts": _marked(parts) if _filtered(finish) else parts})
        if self._blocked is not None and not messages:
            reasons = ["content_filter"]
            messages = [{"role": "assistant", "parts": _marked([])}]
        return Response(
            model=getattr(self._last, "model_version", None),
            id=getattr(self._last, "response_id", None),
            messages=messages or None,
            finish_reasons=reasons,
            usage=_usage(self._counts, self._usage) if self._counts else None,
        )


_PROMPT = ("prompt_token_count", "tool_use_prompt_token_count")
_MADE = ("candidates_token_count", "thoughts_token_count")
_COUNTS = (*_PROMPT, *_MADE, "cached_content_token_count")


_DETAILS: Mapping[str, str] = {
    "prompt_tokens_details": "input_{}_tokens",
    "tool_use_prompt_tokens_details": "input_{}_tokens",
    "candidates_tokens_details": "output_{}_tokens",
    "cache_tokens_details": "cache_{}_read_tokens",
}
_MODALITIES: Mapping[Any, str] = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video"}
_TRAFFIC: Mapping[Any, str] = {
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "offpeak",
    "PROVISIONED_THROUGHPUT": "provisioned",
}


def _usage(counts: Mapping[str, int], last: Any) -> Usage:
    def total(one: str, other: str) -> int | None:
        return counts.get(one, 0) + counts.get(other, 0) if one in counts or other in counts else None

    apart: dict[str, int] = {}
    told = vars(last)
    for details, name in _DETAILS.items():
        for row in told.get(details) or ():
            if (kind := _MODALITIES.get(plain(row.modality))) and row.token_count:
                apart[name.format(kind)] = apart.get(name.format(kind), 0) + row.token_count
    tier = _TRAFFIC.get(plain(told.get("traffic_type")))
    return Usage(
        total(*_PROMPT),
        total(*_MADE),
        cache_read_tokens=counts.get("cached_content_token_count"),
        reasoning_tokens=counts.get("thoughts_token_count"),
        apart=apart,
        terms={"service_tier": tier} if tier else {},
    )


def _filtered(finish: list[str]) -> bool:
    return bool(finish) and finish[0].removeprefix("IMAGE_") in _FILTERED


def _finish(reason: str, parts: list[dict[str, Any]]) -> str:
    if reason == "STOP":
        return "tool_call" if any(part["type"] == "tool_call" for part in parts) else "stop"
    return "length" if reason == "MAX_TOKENS" else "content_filter" if _filtered([reason]) else reason.lower()


def _marked(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part | {"refusal": True} for part in parts] or [{"type": "text", "content": "", "refusal": True}]


def _response(result: Any) -> Response:
    chunks = _Chunks()
    chunks.add(result)
    return chunks.response()


def _embed_response(result: Any) -> Response:
    """Gemini tells the tokens of the call, Vertex those of each text; either may tell nothing."""
    count = get(get(result, "usage_metadata"), "prompt_token_count")
    each = [get(get(one, "statistics"), "token_count") for one in result.embeddings or ()]
    if count is None and each and None not in each:
        count = int(sum(each))
    return Response(usage=None if count is None else Usage(count))


PROVIDER = Provider(
    name="google_genai",
    module="google.genai",
    distribution="google-genai",
    operations=(
        Operation("chat", _targets("_generate_content"), _request, _response),
        Operation("chat", _targets("_generate_content_stream"), _stream_request, _response, stream=_Chunks),
        Operation("embeddings", _targets("embed_content"), _embed_request, _embed_response),
    ),
)
