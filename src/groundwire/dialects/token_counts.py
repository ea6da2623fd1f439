"""Token counts as providers and SDKs write them, told as the conventions count: input with what was cached.

OpenAI's `prompt_tokens` and `input_tokens` and LangChain's `input_tokens` include cached ones, which are told apart in
an object of details. Anthropic's `input_tokens` does not, and Langfuse keeps what is billed apart in counts of its own,
which add up.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.conventions import count
from groundwire.model import Usage

_INPUT = ("input_tokens", "prompt_tokens", "input", "inputTokens", "prompt_token_count", "promptTokenCount")
_OUTPUT = ("output_tokens", "completion_tokens", "output", "outputTokens", "candidates_token_count")
_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details", "output_token_details")
_CACHE_READ = ("cached_tokens", "cache_read", "cache_read_tokens", "cached_content_token_count")
_CACHE_CREATION = ("cache_creation", "cache_write", "cache_write_tokens")
_READ_APART = ("cache_read_input_tokens", "cacheReadInputTokens")
_CREATED_APART = ("cache_creation_input_tokens", "cacheWriteInputTokens")
_TOTAL = ("total_tokens", "total", "totalTokens", "total_token_count")


def usage(value: Any) -> Usage | None:
    """The counts in an object; None where it holds none."""
    value = from_json(value)
    if not isinstance(value, Mapping):
        return None
    given, made = _first(value, _INPUT), _first(value, _OUTPUT)
    into, out_of = _object(value, _INPUT_DETAILS), _object(value, _OUTPUT_DETAILS)
    read, created = _first(into, _CACHE_READ), _first(into, _CACHE_CREATION)
    if not into and ("input" in value or "output" in value):
        return _added_up(value)
    apart = _first(value, _READ_APART), _first(value, _CREATED_APART)
    if not into and apart != (None, None) and given is not None:
        read, created = apart
        cached = (read or 0) + (created or 0)
        total = _first(value, _TOTAL)
        if total is None or total != given + (made or 0) or cached > given:
            given += cached
    if given is None and made is None:
        return None
    return Usage(given, made, read, created, _first(out_of, ("reasoning_tokens", "reasoning")))


def inclusive(given: int | None, read: int | None, created: int | None) -> int | None:
    """Input tokens with the cached ones in them: a part cannot be larger than the whole."""
    cached = (read or 0) + (created or 0)
    return given + cached if given is not None and cached > given else given


def _added_up(value: Mapping[str, Any]) -> Usage | None:
    """Langfuse's counts by kind of use: each key with `input` in it is a part of the input, likewise `output`."""
    parts = {str(k).lower(): n for k, v in value.items() if "ephemeral" not in str(k) and (n := count(v)) is not None}
    given = [n for key, n in parts.items() if "input" in key]
    made = [n for key, n in parts.items() if "output" in key]
    total = parts.get("total")
    plain = parts.get("input"), parts.get("output")
    if total is not None and sum(given) + sum(made) != total == sum(n or 0 for n in plain):
        given, made = ([n] if n is not None else [] for n in plain)
    if not given and not made:
        return None
    return Usage(
        sum(given) if given else None,
        sum(made) if made else None,
        _sum(parts, ("cache_read", "cached")),
        _sum(parts, ("cache_creation", "cache_write")),
        _sum(parts, ("reasoning",)),
    )


def _sum(parts: Mapping[str, int], words: tuple[str, ...]) -> int | None:
    found = [n for key, n in parts.items() if any(word in key for word in words)]
    return sum(found) if found else None


def _first(value: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((n for name in names if (n := count(value.get(name))) is not None), None)


def _object(value: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    return next((v for name in names if isinstance(v := value.get(name), Mapping)), {})
