"""What models answer inside `invoke_model` of Bedrock, whole or streamed, any family but Nova.

Where a body says nothing of tokens, the headers of the answer do, or the metrics of a stream.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.model import Message, Response, Usage
from groundwire.wire import fields
from groundwire_instrumentation import _openai_chunks
from groundwire_instrumentation._bedrock_bodies import calls_of, parts_of
from groundwire_instrumentation._openai_usage import usage_of

FINISH: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "FINISH": "stop",
    "FINISHED": "stop",
    "COMPLETE": "stop",
    "STOP_CRITERIA_MET": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "MAX_TOKENS": "length",
    "LENGTH": "length",
    "tool_use": "tool_call",
    "tool_calls": "tool_call",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "CONTENT_FILTERED": "content_filter",
    "refusal": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
_METRICS = "amazon-bedrock-invocationMetrics"
_HEADERS = ("input-token-count", "output-token-count", "cache-read-input-token-count", "cache-write-input-token-count")


def answered(body: Mapping[str, Any], headers: Mapping[str, Any]) -> Response:
    """The answer of any family but Nova, its tokens out of the headers where the body has none."""
    choices = [c for name in ("choices", "results", "outputs", "generations") for c in body.get(name) or ()] or [body]
    messages: list[Message] = []
    reasons: list[str] = []
    for choice in choices:
        message = choice.get("message") if isinstance(choice.get("message"), Mapping) else choice
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        content = next((message[name] for name in _TEXTS if message.get(name) is not None), None)
        parts = [{"type": "reasoning", "content": reasoning}] if isinstance(reasoning, str) else []
        messages.append(
            {"role": message.get("role") or "assistant", "parts": [*parts, *parts_of(content), *calls_of(message)]}
        )
        reason = next((choice[name] for name in _REASONS if choice.get(name)), None)
        if reason is not None:
            reasons.append(FINISH.get(reason, reason))
    said = any(message["parts"] for message in messages)
    return Response(
        id=body.get("id"), messages=messages if said else None, finish_reasons=reasons, usage=usage(body, headers)
    )


_TEXTS = ("content", "generation", "outputText", "text", "completion")
_REASONS = ("stop_reason", "finish_reason", "completionReason")


def usage(body: Mapping[str, Any], headers: Mapping[str, Any]) -> Usage | None:
    """Tokens in whatever way a body counts them, else as the headers do."""
    if isinstance(given := body.get("usage"), Mapping):
        if "prompt_tokens" in given:
            return usage_of(given)
        read, written = given.get("cache_read_input_tokens"), given.get("cache_creation_input_tokens")
        hour = (given.get("cache_creation") or {}).get("ephemeral_1h_input_tokens")
        plain = given.get("input_tokens")
        total = None if plain is None else plain + (read or 0) + (written or 0)
        thought = (given.get("output_tokens_details") or {}).get("thinking_tokens")
        return Usage(total, given.get("output_tokens"), read, written, thought, hour)
    if "prompt_token_count" in body:
        return Usage(body["prompt_token_count"], body.get("generation_token_count"))
    if "inputTextTokenCount" in body:
        made = [r["tokenCount"] for r in body.get("results") or () if r.get("tokenCount") is not None]
        return Usage(body["inputTextTokenCount"], sum(made) if made else body.get("totalOutputTextTokenCount"))
    counts = [headers.get(f"x-amzn-bedrock-{name}") for name in _HEADERS]
    if counts[0] is None and counts[1] is None:
        return None
    given_, made_, read, written = (None if count is None else int(count) for count in counts)
    return Usage(None if given_ is None else given_ + (read or 0) + (written or 0), made_, read, written)


_GENERATED = ("output_tokens", "output_tokens_details")
_COUNTED = ("prompt_token_count", "inputTextTokenCount", "generation_token_count")
_KEPT = ("id", "role", "stop_reason", *_COUNTED, "completionReason", "finish_reason")


class Chunks:
    """Chunks of a streamed body, any family but Nova."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._blocks: dict[int, dict[str, Any]] = {}
        self._body: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._metrics: Mapping[str, Any] = {}
        self._chat: _openai_chunks.Chunks | None = None

    def add(self, chunk: Mapping[str, Any]) -> None:
        self._metrics = chunk.get(_METRICS) or self._metrics
        if chunk.get("type") == "content_block_delta":  # nearly always, of Claude's
            self._add_to_block(chunk.get("index", 0), chunk.get("delta") or {})
            return
        for part in (chunk, chunk.get("message"), chunk.get("delta")):
            if isinstance(part, Mapping):
                # The start of Claude's says 1 or so of what is not generated yet: the end alone counts that.
                early = _GENERATED if chunk.get("type") == "message_start" else ()
                self._usage |= {k: v for k, v in (part.get("usage") or {}).items() if k not in early}
                self._body |= {name: part[name] for name in _KEPT if part.get(name) is not None}
        if (made := chunk.get("totalOutputTextTokenCount")) is not None:
            self._body["totalOutputTextTokenCount"] = made
        if any("delta" in choice for choice in chunk.get("choices") or ()):
            self._chat = self._chat or _openai_chunks.Chunks()
            self._chat.add(fields(chunk))
        elif "content_block" in chunk:
            self._blocks[chunk.get("index", 0)] = {**chunk["content_block"], "pieces": []}
        else:
            self._add_text(chunk)

    def _add_to_block(self, index: int, delta: Mapping[str, Any]) -> None:
        name = next((name for name in ("text", "thinking", "partial_json") if name in delta), None)
        if name is not None:
            kind = "tool_use" if name == "partial_json" else name
            self._blocks.setdefault(index, {"type": kind, "pieces": []})["pieces"].append(delta[name])

    def _add_text(self, chunk: Mapping[str, Any]) -> None:
        for choice in (*(chunk.get("choices") or ()), *(chunk.get("outputs") or ()), chunk):
            said = choice.get("message") or choice
            self._text += [said[name] for name in _TEXTS if isinstance(said.get(name), str)]
            if reason := next((choice[name] for name in _REASONS if choice.get(name)), None):
                self._body["stop_reason"] = reason

    def response(self) -> Response:
        blocks = [self._block(block) for _, block in sorted(self._blocks.items())]
        body = {**self._body, "content": blocks or "".join(self._text) or None}
        if self._usage:
            body["usage"] = self._usage
        counts = ("inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
        named = zip(_HEADERS, counts, strict=True)
        found = answered(body, {f"x-amzn-bedrock-{name}": self._metrics.get(count) for name, count in named})
        if self._chat is None:
            return found
        said = self._chat.response()
        return replace(found, messages=said.messages, finish_reasons=said.finish_reasons)

    @staticmethod
    def _block(block: Mapping[str, Any]) -> dict[str, Any]:
        text = "".join(block["pieces"])
        whole = {key: value for key, value in block.items() if key != "pieces"}
        return whole | ({"input": text} if whole.get("type") == "tool_use" else {whole.get("type", "text"): text})
