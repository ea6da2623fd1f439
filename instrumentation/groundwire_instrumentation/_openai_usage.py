"""Tokens of answers in OpenAI's protocol, as its maker counts them and as others who speak it do."""

from collections.abc import Mapping
from typing import Any

from groundwire.model import NOTHING, Usage
from groundwire.wire import is_body, members, parse_document


def usage_of(usage: Any, result: Any = None) -> Usage | None:
    """Of either API, and of whoever speaks it.

    OpenAI counts cached and reasoning tokens as subsets, as the conventions do; some others count thoughts beside.

    Args:
        usage: the counts.
        result: the answer or the last chunk, which tells the tier and the model.
    """
    counts, said = members(usage), members(result)
    if usage is None and (corner := said.get("x_groq")) is not None:
        counts = members(members(corner).get("usage"))
    if usage is None and not counts:
        return None
    ask = counts.get
    total, output = ask("prompt_tokens"), ask("completion_tokens")
    given, made = members(ask("prompt_tokens_details")), members(ask("completion_tokens_details"))
    other = not counts.keys() <= _USUAL
    if other:  # OpenAI's other API, and what others count
        total = ask("input_tokens") if total is None else total
        output = ask("output_tokens") if output is None else output
        given = given or members(ask("input_tokens_details") or ask("prompt_token_details"))
        made = made or members(ask("output_tokens_details"))
    apart: dict[str, Any] = {}
    thought = made.get("reasoning_tokens", ask("reasoning_tokens") if other else None)
    if other and isinstance(cited := ask("citation_tokens"), int):  # Perplexity's deep research
        thought = thought or 0
        output, apart["output_citation_tokens"] = (output or 0) + thought + cited, cited
    elif isinstance(output, int) and isinstance(total, int):
        rest = (ask("total_tokens") or 0) - total - output
        if thought is None and rest > 0 and str(said.get("model")).startswith(("gemini", "google/gemini")):
            thought = rest
        if thought and thought in (rest, max(thought, output + 1)):
            output += thought
    if heard := given.get("audio_tokens"):
        apart["input_audio_tokens"] = heard
    if spoken := made.get("audio_tokens"):
        apart["output_audio_tokens"] = spoken
    if other and (searches := _searches(counts)):
        apart["web_searches"] = searches
    cached, written = given.get("cached_tokens"), given.get("cache_write_tokens")
    created = given.get("cache_creation_tokens") if written is None else written
    kept = given.get("cache_creation_token_details")
    level = None if "x_groq" in said else said.get("service_tier")  # Groq's cost the same
    return Usage(
        total,
        output,
        _first({**given, **counts}, *_CACHED) if cached is None else cached,
        ask("cache_creation_input_tokens") if created is None and other else created,
        thought,
        members(kept).get("ephemeral_1h_input_tokens") if kept else None,
        apart=apart,
        terms={"service_tier": level} if level in _TIERS else NOTHING,
    )


_USUAL = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"}
)
"""All that a chat of OpenAI's counts."""
_CACHED = ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens")
"""Where Together and Moonshot, DeepSeek, Mistral, and Databricks and Perplexity have them."""
_TIERS = ("flex", "priority", "fast", "scale")
"""Those with prices of their own."""


def _searches(counts: Mapping[str, Any]) -> Any:
    """Searches of the web, in the words of both of Perplexity's APIs and of Claude behind a gateway."""
    ask = counts.get
    searched = members(members(ask("tool_calls_details")).get("search_web")).get("invocation")
    return ask("num_search_queries") or members(ask("server_tool_use")).get("web_search_requests") or searched


def _first(counts: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        if (count := counts.get(name)) is not None:
            return count
    return None


def tier(said: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer, or the last chunk of one, says of the service that gave it, as attributes."""
    attributes: dict[str, Any] = {}
    if level := said.get("service_tier"):
        attributes["openai.response.service_tier"] = level
    if fingerprint := said.get("system_fingerprint"):
        attributes["openai.response.system_fingerprint"] = fingerprint
    return attributes


def failure(said: Mapping[str, Any]) -> str | None:
    """What kind of failure an answer tells of that came as if all were well: a failed response, any of OpenRouter's."""
    failed = (error := said.get("error")) and members(error)
    return str(failed.get("code") or failed.get("type") or "error") if failed else None


def whole(result: Any) -> Mapping[str, Any]:
    """The members of an answer: a bare `client.post` gives whatever its `cast_to` says."""
    return members(parse_document(result.text) if is_body(result) else result)
