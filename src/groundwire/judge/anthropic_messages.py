"""The wire format of Anthropic's messages.

Source: Claude API reference, messages/create and structured outputs (`output_config.format`). Models without those
get the schema as a tool that they are made to use. There is no seed; recent models take no temperature either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundwire.budget import to_json
from groundwire.errors import JudgeError
from groundwire.judge.exchange import Ask, Manner, Reply, count, mapping
from groundwire.model import Usage

_TOOL = "give_verdicts"
_SMALLEST_LIMIT = 4096
"""What every model can write; `max_tokens` must be there."""


@dataclass(frozen=True, slots=True)
class AnthropicMessages:
    """`POST {base_url}/v1/messages`."""

    def url(self, base_url: str, model: str) -> str:
        return f"{base_url}/messages" if base_url.endswith("/v1") else f"{base_url}/v1/messages"

    def headers(self, key: str | None, host: str) -> dict[str, str]:
        version = {"anthropic-version": "2023-06-01"}
        return version if key is None else {**version, "x-api-key": key}

    def body(self, model: str, ask: Ask, manner: Manner, seed: int, *, native: bool) -> dict[str, Any]:
        limit = _SMALLEST_LIMIT if "max_tokens" in manner.without else ask.max_output_tokens
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": limit,
            "system": ask.system,
            "messages": [{"role": "user", "content": ask.user}],
        }
        if "temperature" not in manner.without:
            body["temperature"] = 0
        if manner.form == "schema":
            body["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
        elif manner.form == "object":
            body["tools"] = [{"name": _TOOL, "description": "Hand over the verdicts.", "input_schema": ask.schema}]
            body["tool_choice"] = {"type": "tool", "name": _TOOL}
        return body

    def reply(self, body: Mapping[str, Any]) -> Reply:
        content = body.get("content")
        if not isinstance(content, list):
            raise JudgeError("the endpoint's answer has no content blocks: does it speak the Anthropic protocol?")
        blocks = [mapping(block) for block in content]
        given = [to_json(block["input"]) for block in blocks if block.get("type") == "tool_use" and "input" in block]
        said = [t for block in blocks if block.get("type") == "text" and isinstance(t := block.get("text"), str)]
        stop = body.get("stop_reason")
        return Reply(
            text=given[0] if given else "".join(said),
            usage=_usage(mapping(body.get("usage"))),
            model=body["model"] if isinstance(body.get("model"), str) else None,
            truncated=stop in ("max_tokens", "model_context_window_exceeded"),
            refused=stop == "refusal",
        )


def _usage(usage: Mapping[str, Any]) -> Usage | None:
    """Anthropic counts cached tokens apart; ours include them."""
    plain, made = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if plain is None and made is None:
        return None
    read, written = count(usage.get("cache_read_input_tokens")), count(usage.get("cache_creation_input_tokens"))
    given = None if plain is None else plain + (read or 0) + (written or 0)
    return Usage(given, made, cache_read_tokens=read, cache_creation_tokens=written)
