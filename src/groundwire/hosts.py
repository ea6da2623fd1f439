"""Who answers at an address: the provider name of the GenAI conventions for the host of a base URL."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

COMPATIBLE = "openai_compatible"
"""A server that speaks the OpenAI protocol and is nobody we know: no price applies."""

_BY_SUFFIX: Mapping[str, str] = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "azure-api.net": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "inference.ai.azure.com": "azure.ai.inference",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.mistral.ai": "mistral_ai",
    "api.x.ai": "x_ai",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zhipuai",
    "api.minimax.io": "minimax",
    "api.minimaxi.com": "minimax",
    "cloud.databricks.com": "databricks",
    "gcp.databricks.com": "databricks",
    "azuredatabricks.net": "databricks",
    "inference.baseten.co": "baseten",
    "api.cloudflare.com": "cloudflare",
    "oai.endpoints.kepler.ai.cloud.ovh.net": "ovhcloud",
    "api.meta.ai": "meta",
    "router.huggingface.co": "huggingface",
    "ollama.com": "ollama",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api-inference.together.ai": "together",
    "api.fireworks.ai": "fireworks",
    "openrouter.ai": "openrouter",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.cerebras.ai": "cerebras",
    "api.novita.ai": "novita",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
    "amazonaws.com": "aws.bedrock",
}

_REGIONAL = (
    (re.compile(r"[\w-]+-aiplatform\.googleapis\.com|aiplatform\.\w+\.rep\.googleapis\.com"), "gcp.vertex_ai"),
    (re.compile(r"bedrock-mantle\.[\w-]+\.api\.aws"), "aws.bedrock"),
)


def server(base_url: Any, client: str = "") -> tuple[str, str | None, int | None]:
    """Provider name, host and port of a client of the OpenAI protocol.

    Args:
        base_url: the client's base URL.
        client: name of the client's class; an Azure client is Azure behind any gateway.
    """
    if type(base_url) is str:
        return _server(base_url, "Azure" in client)
    # Writing a URL out takes longer than all the rest of this: URL objects are told apart by identity first.
    known = _by_identity.get(id(base_url))
    if known is None or known[0] is not base_url or known[1] != client:
        known = (base_url, client, _server(str(base_url), "Azure" in client))
        if len(_by_identity) >= 256:
            _by_identity.clear()
        _by_identity[id(base_url)] = known
    return known[2]


_by_identity: dict[int, tuple[Any, str, tuple[str, str | None, int | None]]] = {}
"""By id of a URL object, which is kept so that the id stays its own."""


@lru_cache(maxsize=256)
def _server(base_url: str, azure: bool) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return COMPATIBLE, None, None
    if azure:
        return "azure.ai.openai", host, port
    for suffix, name in _BY_SUFFIX.items():
        if host is not None and (host == suffix or host.endswith("." + suffix)):
            return name, host, port
    regional = next((name for pattern, name in _REGIONAL if pattern.fullmatch(host or "")), COMPATIBLE)
    return regional, host, port


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine, which no proxy can reach."""
    return host in ("localhost", "127.0.0.1", "::1")
