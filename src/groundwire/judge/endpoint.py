"""Where a judge is: which wire format, which address, which key. Guessed from the model's name where it is not said."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlsplit

from groundwire.errors import ConfigurationError
from groundwire.hosts import server
from groundwire.judge.anthropic_messages import AnthropicMessages
from groundwire.judge.exchange import Api, Wire
from groundwire.judge.gemini_content import GeminiContent
from groundwire.judge.openai_chat import OpenAIChat

WIRES: Mapping[Api, Wire] = {
    "openai": OpenAIChat(),
    "anthropic": AnthropicMessages(),
    "gemini": GeminiContent(),
}
_HOMES: Mapping[Api, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
}
_BASE_VARIABLES: Mapping[Api, str] = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"}
_KEY_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gcp.gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "azure.ai.openai": ("AZURE_OPENAI_API_KEY",),
    "azure.ai.inference": ("AZURE_INFERENCE_CREDENTIAL", "AZURE_OPENAI_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "mistral_ai": ("MISTRAL_API_KEY",),
    "x_ai": ("XAI_API_KEY",),
    "perplexity": ("PERPLEXITY_API_KEY",),
    "together": ("TOGETHER_API_KEY",),
    "fireworks": ("FIREWORKS_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "moonshot_ai": ("MOONSHOT_API_KEY",),
    "cerebras": ("CEREBRAS_API_KEY",),
    "novita": ("NOVITA_API_KEY",),
}
"""By provider of the host: a key of the environment is sent to its own host and to no other."""
_OWN_VARIABLE = "GROUNDWIRE_JUDGE_API_KEY"
_VENDORS: Mapping[Api, str] = {"openai": "openai", "anthropic": "anthropic", "gemini": "gcp.gemini"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that answers. Holds no key."""

    api: Api
    base_url: str
    """Without a slash at its end."""
    provider: str
    """As in `gen_ai.provider.name`: whose price list holds."""
    host: str
    key_variables: tuple[str, ...]
    """Where a key may be; empty for an unknown host."""
    needs_key: bool

    def key(self) -> str | None:
        """A key of the environment, if there is one for this host."""
        return next((v for name in self.key_variables if (v := os.environ.get(name, "").strip())), None)


def endpoint(model: str, base_url: str | None, api: Api | None) -> Endpoint:
    """The endpoint of a model.

    Args:
        model: as the endpoint calls it. `claude-...` and `gemini-...` are asked natively where nothing else is said.
        base_url: as an SDK takes it, for instance `http://localhost:11434/v1`.
        api: the wire format, where the address does not tell.

    Raises:
        ConfigurationError: this cannot be an address, or there is no such format.
    """
    if api is not None and api not in get_args(Api):
        raise ConfigurationError(f"api must be one of {', '.join(get_args(Api))}, got {api!r}")
    if not model.strip():
        raise ConfigurationError("a judge needs the name of a model")
    found = api or _guess(model, base_url)
    at_home = base_url is None
    if base_url is None:
        base_url = os.environ.get(_BASE_VARIABLES.get(found, ""), "").strip() or _HOMES[found]
    parts = _checked(base_url)
    provider, host, _ = server(base_url)
    variables = _KEY_VARIABLES.get(provider, ())
    if at_home and not variables:  # a gateway that the environment names: the usual key is meant for it
        variables = _KEY_VARIABLES[_VENDORS[found]]
    return Endpoint(found, parts, provider, host or "", (_OWN_VARIABLE, *variables), bool(variables))


def _guess(model: str, base_url: str | None) -> Api:
    if base_url is None:
        name = model.rpartition("/")[2]
        return "anthropic" if name.startswith("claude") else "gemini" if name.startswith("gemini") else "openai"
    provider = server(base_url)[0]
    if provider == "anthropic":
        return "anthropic"
    return "gemini" if provider == "gcp.gemini" and "/openai" not in base_url else "openai"


def _checked(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"base_url is no address: {error}") from None
    del port
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must hold no user and no password: give api_key instead")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"base_url must look like https://host/v1, got {base_url!r}")
    if parts.query or parts.fragment:
        raise ConfigurationError("base_url must end with its path: no ? and no #")
    return base_url.rstrip("/")
