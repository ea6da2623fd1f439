"""The wire format of Gemini's generateContent.

Source: Gemini API reference, models.generateContent, GenerationConfig and Schema. `responseSchema` is a subset of
OpenAPI's: types in capitals, and the order of properties said apart, because the model writes them in that order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from groundwire.errors import JudgeError
from groundwire.judge.exchange import Ask, Manner, Reply, count, mapping
from groundwire.model import Usage

_BLOCKED = frozenset({"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "LANGUAGE"})


@dataclass(frozen=True, slots=True)
class GeminiContent:
    """`POST {base_url}/models/{model}:generateContent`."""

    def url(self, base_url: str, model: str) -> str:
        return f"{base_url}/models/{quote(model.removeprefix('models/'), safe='')}:generateContent"

    def headers(self, key: str | None, host: str) -> dict[str, str]:
        return {} if key is None else {"x-goog-api-key": key}

    def body(self, model: str, ask: Ask, manner: Manner, seed: int, *, native: bool) -> dict[str, Any]:
        config: dict[str, Any] = {"temperature": 0, "seed": seed, "maxOutputTokens": ask.max_output_tokens}
        config = {name: value for name, value in config.items() if name not in manner.without}
        if manner.form != "plain":
            config["responseMimeType"] = "application/json"
        if manner.form == "schema":
            config["responseSchema"] = _schema(ask.schema)
        return {
            "systemInstruction": {"parts": [{"text": ask.system}]},
            "contents": [{"role": "user", "parts": [{"text": ask.user}]}],
            "generationConfig": config,
        }

    def reply(self, body: Mapping[str, Any]) -> Reply:
        usage = _usage(mapping(body.get("usageMetadata")))
        model = body["modelVersion"] if isinstance(body.get("modelVersion"), str) else None
        if mapping(body.get("promptFeedback")).get("blockReason"):
            return Reply("", usage, model, refused=True)
        candidates = body.get("candidates")
        if not isinstance(candidates, list) or not candidates:
            raise JudgeError("the endpoint's answer has no candidates: does it speak the Gemini protocol?")
        candidate = mapping(candidates[0])
        parts = mapping(candidate.get("content")).get("parts")
        said = [mapping(part) for part in parts] if isinstance(parts, list) else []
        finish = candidate.get("finishReason")
        return Reply(
            text="".join(t for part in said if not part.get("thought") and isinstance(t := part.get("text"), str)),
            usage=usage,
            model=model,
            truncated=finish == "MAX_TOKENS",
            refused=finish in _BLOCKED,
        )


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": str(schema["type"]).upper()}
    if "enum" in schema:
        made |= {"format": "enum", "enum": schema["enum"]}
    if "items" in schema:
        made["items"] = _schema(schema["items"])
    if "properties" in schema:
        made["properties"] = {name: _schema(inner) for name, inner in schema["properties"].items()}
        made["required"] = made["propertyOrdering"] = list(schema["properties"])
    return made


def _usage(usage: Mapping[str, Any]) -> Usage | None:
    """Gemini counts thoughts apart; our output tokens include them."""
    given, said = count(usage.get("promptTokenCount")), count(usage.get("candidatesTokenCount"))
    if given is None and said is None:
        return None
    thought = count(usage.get("thoughtsTokenCount"))
    made = None if said is None and thought is None else (said or 0) + (thought or 0)
    cached = count(usage.get("cachedContentTokenCount"))
    return Usage(given, made, cache_read_tokens=cached, reasoning_tokens=thought)
