"""What is asked of a model and what comes back, whatever the wire format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from groundwire.model import Usage

Api: TypeAlias = Literal["openai", "anthropic", "gemini"]
"""A wire format: OpenAI's chat completions and all that speak it, Anthropic's messages, Gemini's generateContent."""
Form: TypeAlias = Literal["schema", "object", "plain"]
"""How the shape of the reply is asked for: by schema, as any JSON object (Anthropic: by a forced tool), in words."""

NEXT_FORM: Mapping[Form, Form] = {"schema": "object", "object": "plain"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a model. The reply should be JSON of the schema."""

    system: str
    user: str
    schema: Mapping[str, Any]
    """JSON Schema of plain objects, arrays, strings, integers and enums; every property is required."""
    expected_tokens: int
    """About how long the reply will be."""
    max_output_tokens: int
    """Where the model is stopped; reasoning counts too."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said."""

    text: str
    usage: Usage | None = None
    model: str | None = None
    """The model that answered, as it calls itself."""
    truncated: bool = False
    refused: bool = False
    """The provider's filter, or the model itself, declined."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How an endpoint wants to be asked: what it refused is left out from then on."""

    form: Form = "schema"
    without: frozenset[str] = frozenset()
    """Names of options that it does not take, for instance `temperature` or `seed`."""


class Wire(Protocol):
    """One wire format. Pure: no sockets, no clock, no environment."""

    def url(self, base_url: str, model: str) -> str:
        """Where to send the question."""
        ...

    def headers(self, key: str | None, host: str) -> dict[str, str]:
        """Headers beside the content type."""
        ...

    def body(self, model: str, ask: Ask, manner: Manner, seed: int, *, native: bool) -> dict[str, Any]:
        """The question as JSON; `native`: the host is the vendor's own."""
        ...

    def reply(self, body: Mapping[str, Any]) -> Reply:
        """What was said.

        Raises:
            JudgeError: this is no answer of the format.
        """
        ...


def count(value: object) -> int | None:
    """A token count as it came; None for anything that is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}
