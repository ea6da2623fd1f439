"""Anthropic: messages, plain, beta, parsed, raw and streamed, sync and async; direct, on Bedrock, Vertex and Foundry.

As with OpenAI (docs/adr/006), every call passes `request`, whose options hold the path and the body. Batches and
token counts generate nothing, and are no calls. Since 1.0 the SDK makes a span of its own for every call, with the
same tokens: ours takes its place.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from groundwire.hosts import COMPATIBLE, server
from groundwire.model import Operation, Provider, Request
from groundwire.wire import member
from groundwire_instrumentation._anthropic_answers import Events, answered
from groundwire_instrumentation._anthropic_blocks import listed, messages_of, parts_of, tool_of

_CLIENTS = ("Anthropic", "AnthropicBedrock", "AnthropicBedrockMantle", "AnthropicVertex")
_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "service_tier": "anthropic.request.service_tier",
}
_SCALARS = (int, float, str)
_PLATFORMS: Mapping[str, str] = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai"}
"""By the client's class: they are so behind any gateway."""


@lru_cache(maxsize=64)
def _platform(client: str) -> str | None:
    return next((name for kind, name in _PLATFORMS.items() if kind in client), None)


def _applies(arguments: Mapping[str, Any]) -> bool:
    options = arguments["options"]
    return bool(options.method.lower() == "post" and options.url.partition("?")[0].rstrip("/").endswith("/messages"))


def _quiet(arguments: Mapping[str, Any]) -> None:
    if getattr(arguments["options"], "span_name", None) is not None:
        arguments["options"].span_name = None  # then the SDK makes none


# --- what was asked -------------------------------------------------------------------------------------------------


def _request(client: Any, arguments: Mapping[str, Any]) -> Request:
    options = arguments["options"]
    body = {**(options.json_data or {}), **(options.extra_json or {})}
    attributes: dict[str, Any] = {
        name: value for key, name in _PARAMETERS.items() if isinstance(value := body.get(key), _SCALARS)
    }
    if isinstance(stop := body.get("stop_sequences"), list | tuple):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    if (config := body.get("output_config")) and (effort := member(config, "effort")):
        attributes["gen_ai.request.reasoning.level"] = effort
    provider, address, port = server(client.base_url)
    provider = _platform(type(client).__name__) or provider
    return Request(
        model=body.get("model"),
        messages=[one for message in listed(body.get("messages")) for one in messages_of(message)],
        instructions=parts_of(body.get("system")),
        tools=[tool_of(tool) for tool in listed(body.get("tools"))],
        provider=None if provider == COMPATIBLE else provider,
        server_address=address,
        server_port=port,
        stream=bool(arguments.get("stream")),
        attributes=attributes,
    )


PROVIDER = Provider(
    name="anthropic",
    module="anthropic",
    distribution="anthropic",
    operations=(
        Operation(
            "chat",
            tuple(f"anthropic:{how}{client}.request" for client in _CLIENTS for how in ("", "Async")),
            _request,
            answered,
            stream=Events,
            applies=_applies,
            iterables=tuple(f"options.json_data.{name}" for name in ("messages", "system", "tools")),
            quiet=_quiet,
        ),
    ),
)
