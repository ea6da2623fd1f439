"""The wire format of OpenAI's chat completions, and of everything that speaks it.

Source: OpenAI API reference, chat/create. Compatible servers know `max_tokens`, OpenAI's own reasoning models only
`max_completion_tokens`; what a server refuses with 400 is left out by the client.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundwire.errors import JudgeError
from groundwire.judge.exchange import Ask, Manner, Reply, count, mapping
from groundwire.model import Usage


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """`POST {base_url}/chat/completions`."""

    def url(self, base_url: str, model: str) -> str:
        return f"{base_url}/chat/completions"

    def headers(self, key: str | None, host: str) -> dict[str, str]:
        if key is None:
            return {}
        return {"api-key": key} if host.endswith(".azure.com") else {"Authorization": f"Bearer {key}"}

    def body(self, model: str, ask: Ask, manner: Manner, seed: int, *, native: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "system", "content": ask.system}, {"role": "user", "content": ask.user}],
            "temperature": 0,
            "seed": seed,
        }
        limits = ("max_completion_tokens", "max_tokens") if native else ("max_tokens", "max_completion_tokens")
        for name in limits:
            if name not in manner.without:
                body[name] = ask.max_output_tokens
                break
        if manner.form == "schema":
            schema = {"name": "verdicts", "strict": True, "schema": ask.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif manner.form == "object":
            body["response_format"] = {"type": "json_object"}
        return {name: value for name, value in body.items() if name not in manner.without}

    def reply(self, body: Mapping[str, Any]) -> Reply:
        choices = body.get("choices")
        if not isinstance(choices, list) or not choices:
            raise JudgeError("the endpoint's answer has no choices: does it speak the OpenAI protocol?")
        choice = mapping(choices[0])
        message = mapping(choice.get("message"))
        finish = choice.get("finish_reason")
        return Reply(
            text=_text(message.get("content")),
            usage=_usage(mapping(body.get("usage"))),
            model=body["model"] if isinstance(body.get("model"), str) else None,
            truncated=finish == "length",
            refused=finish == "content_filter" or bool(message.get("refusal")),
        )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(t for part in parts if isinstance(t := mapping(part).get("text"), str))


def _usage(usage: Mapping[str, Any]) -> Usage | None:
    given, made = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    if given is None and made is None:
        return None
    cached = count(mapping(usage.get("prompt_tokens_details")).get("cached_tokens"))
    reasoning = count(mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    return Usage(given, made, cache_read_tokens=cached, reasoning_tokens=reasoning)
