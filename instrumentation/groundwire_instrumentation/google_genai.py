"""Google's Gen AI SDK: `generate_content` and its stream, chats upon them, `embed_content`; Gemini and Vertex.

One request to the model is one call: where the SDK calls the application's functions by itself, or asks for an answer
to be continued, it makes several, each with its own tokens. So the methods underneath are traced, which make one each.
A prompt's tokens include cached ones; thoughts and what tools returned are counted beside, and are added up here.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.hosts import server
from groundwire.model import Message, Operation, Provider, Request, Response, Usage
from groundwire_instrumentation._google_arguments import grow
from groundwire_instrumentation._google_contents import get, given, messages_of, part_of, plain, tools_of
from groundwire_instrumentation._joining import Joining

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
_FILTERED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR")


def _targets(method: str) -> tuple[str, ...]:
    return (f"google.genai.models:Models.{method}", f"google.genai.models:AsyncModels.{method}")


# --- what was asked -------------------------------------------------------------------------------------------------


def _common(models: Any, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    client = models._api_client
    attributes: dict[str, Any] = {attribute: config[name] for name, attribute in _PARAMETERS.items() if name in config}
    if attributes.get("gen_ai.request.choice.count") == 1:
        del attributes["gen_ai.request.choice.count"]
    if stop := config.get("stop_sequences"):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    if level := get(config.get("thinking_config"), "thinking_level"):
        attributes["gen_ai.request.reasoning.level"] = str(plain(level)).lower()
    _, host, port = server(get(config.get("http_options"), "base_url") or client._http_options.base_url)
    tier = plain(config.get("service_tier"))
    return {
        "model": arguments["model"].rpartition("models/")[2],
        "provider": "gcp.vertex_ai" if client.vertexai else "gcp.gemini",
        "server_address": host,
        "server_port": port,
        "terms": {"service_tier": tier} if tier in ("flex", "priority") else {},
        "attributes": attributes,
    }


def _request(models: Any, arguments: Mapping[str, Any], *, stream: bool = False) -> Request:
    config = given(arguments.get("config"))
    told = messages_of(config.get("system_instruction"))
    return Request(
        messages=list(messages_of(arguments["contents"])),
        instructions=[part for message in told for part in message["parts"]],
        tools=[one for tool in config.get("tools") or () for one in tools_of(tool)],
        stream=stream,
        **_common(models, arguments, config),
    )


_stream_request = partial(_request, stream=True)


def _embed_request(models: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(models, arguments, given(arguments.get("config"))))


# --- what came back -------------------------------------------------------------------------------------------------


class _Chunks:
    """Chunks of one answer, streamed or whole."""

    def __init__(self) -> None:
        self._candidates: dict[int, Joining] = {}
        self._finish: dict[int, str] = {}
        self._calling: dict[int, dict[str, Any]] = {}
        self._last: Any = None
        self._counts: dict[str, int] = {}
        self._usage: Any = None
        self._counted: Any = None
        self._blocked: Any = None

    def add(self, chunk: Any) -> None:
        self._last = chunk
        said = chunk.__dict__  # every attribute of these models is asked for in vain first
        if (usage := said.get("usage_metadata")) is not None:
            if (counts := usage.__pydantic_fields_set__) != self._counted:
                self._count()
                self._counted = counts
            self._usage = usage
        try:
            (candidate,) = said["candidates"]
            of_candidate = candidate.__dict__
            (part,) = of_candidate["content"].__dict__["parts"]
            if (
                of_candidate["finish_reason"] is said["prompt_feedback"] is None
                and part.__pydantic_fields_set__ == _TEXT
            ):  # nearly always
                self._candidates[of_candidate["index"] or 0].text.append(part.__dict__["text"])
                return
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        if (feedback := said.get("prompt_feedback")) is not None:
            self._blocked = feedback.block_reason or self._blocked
        for candidate in said.get("candidates") or ():
            self._add(candidate)

    def _add(self, candidate: Any) -> None:
        index = candidate.index or 0
        known = self._candidates.get(index) or self._candidates.setdefault(index, Joining())
        for part in (candidate.content and candidate.content.parts) or ():
            if part.text is not None:
                known.add("reasoning" if part.thought else "text", part.text)
            elif part.function_call is not None:
                self._add_call(index, known, part)
            else:
                known.put(part_of(part))
        if candidate.finish_reason is not None:
            self._finish[index] = str(plain(candidate.finish_reason))

    def _add_call(self, index: int, known: Joining, part: Any) -> None:
        """A call of a function, whose arguments may come in pieces: the first one names it, the last one ends it."""
        call, whole = part.function_call, self._calling.pop(index, None)
        if whole is None or call.name not in (None, whole["name"]):
            whole = part_of(part)
            known.put(whole)
        if call.partial_args:
            grow(whole, call.partial_args)
        if call.will_continue:
            self._calling[index] = whole

    def _count(self) -> None:
        """What is told later holds, for as long as it is told: so only the last of those that tell the same counts."""
        told = vars(self._usage) if self._usage is not None else {}
        self._counts |= {name: count for name in _COUNTS if (count := told.get(name)) is not None}

    def response(self) -> Response:
        messages: list[Message] = []
        reasons: list[str] = []
        for index, joining in sorted(self._candidates.items()):
            parts, reason = joining.parts(), self._finish.get(index)
            reasons += [_finish(reason, parts)] if reason else []
            messages.append({"role": "assistant", "parts": _marked(parts) if _filtered(reason) else parts})
        if self._blocked is not None and not messages:
            reasons = ["content_filter"]
            messages = [{"role": "assistant", "parts": _marked([])}]
        self._count()
        return Response(
            model=getattr(self._last, "model_version", None),
            id=getattr(self._last, "response_id", None),
            messages=messages or None,
            finish_reasons=reasons,
            usage=_usage(self._counts, self._usage) if self._counts else None,
        )


_TEXT = {"text"}
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


def _filtered(reason: str | None) -> bool:
    return reason is not None and reason.removeprefix("IMAGE_") in _FILTERED


def _finish(reason: str, parts: list[dict[str, Any]]) -> str:
    if reason == "STOP":
        return "tool_call" if any(part["type"] == "tool_call" for part in parts) else "stop"
    return "length" if reason == "MAX_TOKENS" else "content_filter" if _filtered(reason) else reason.lower()


def _marked(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part | {"refusal": True} for part in parts] or [{"type": "text", "content": "", "refusal": True}]


def _response(result: Any) -> Response:
    raw = getattr(result.sdk_http_response, "body", None)
    if raw:  # the application asked for that in place of an answer
        result = type(result)._from_response(response=json.loads(raw), kwargs={})
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
