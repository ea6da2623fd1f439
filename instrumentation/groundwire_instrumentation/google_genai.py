"""Google's Gen AI SDK: `generate_content` and its stream, chats upon them, `embed_content`; Gemini and Vertex.

One request to the model is one call: where the SDK calls the application's functions by itself, or asks for an answer
to be continued, it makes several, each with its own tokens. So the methods underneath are traced, which make one each.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.hosts import server
from groundwire.model import Operation, Provider, Request, Response, Usage
from groundwire_instrumentation._google_answers import Chunks, answered
from groundwire_instrumentation._google_contents import get, given, messages_of, plain, tools_of

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


def _targets(method: str) -> tuple[str, ...]:
    return (f"google.genai.models:Models.{method}", f"google.genai.models:AsyncModels.{method}")


# --- what was asked -------------------------------------------------------------------------------------------------


def _common(models: Any, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    client = models._api_client
    attributes: dict[str, Any] = {_PARAMETERS[name]: value for name, value in config.items() if name in _PARAMETERS}
    if attributes.get("gen_ai.request.choice.count") == 1:
        del attributes["gen_ai.request.choice.count"]
    if stop := config.get("stop_sequences"):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    if (thinking := config.get("thinking_config")) and (level := get(thinking, "thinking_level")):
        attributes["gen_ai.request.reasoning.level"] = str(plain(level)).lower()
    options, tier = config.get("http_options"), config.get("service_tier")
    _, host, port = server((options and get(options, "base_url")) or client._http_options.base_url)
    return {
        "model": arguments["model"].rpartition("models/")[2],
        "provider": "gcp.vertex_ai" if client.vertexai else "gcp.gemini",
        "server_address": host,
        "server_port": port,
        "terms": {"service_tier": plain(tier)} if tier and plain(tier) in ("flex", "priority") else {},
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
        Operation("chat", _targets("_generate_content"), _request, answered),
        Operation("chat", _targets("_generate_content_stream"), _stream_request, answered, stream=Chunks),
        Operation("embeddings", _targets("embed_content"), _embed_request, _embed_response),
    ),
)
