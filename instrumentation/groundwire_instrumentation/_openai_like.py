"""SDKs made as OpenAI's is, for servers that speak its protocol with words of their own: Groq, Together.

What they add is hosts of their own for some calls.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.hosts import COMPATIBLE, server
from groundwire.model import Operation, Request
from groundwire_instrumentation import _openai_chat, _openai_chunks, openai


def operations(targets: tuple[str, ...]) -> tuple[Operation, ...]:
    """Chat completions and embeddings of such an SDK, whose clients' methods `request` are the targets."""
    return (
        Operation(
            "chat",
            targets,
            _chat_request,
            _openai_chat.answered,
            stream=_openai_chunks.Chunks,
            applies=openai.posted_to("/chat/completions"),
            iterables=tuple(f"options.json_data.{name}" for name in ("messages", "tools", "documents")),
        ),
        Operation(
            "chat",
            targets,
            _text_request,
            _openai_chat.answered,
            stream=_openai_chunks.TextChunks,
            applies=openai.posted_to("/completions"),
        ),
        Operation(
            "embeddings",
            targets,
            _embeddings_request,
            openai.embeddings_response,
            applies=openai.posted_to("/embeddings"),
        ),
    )


def its_own(request: Request, arguments: Mapping[str, Any]) -> Request:
    """The request under the SDK's own name, wherever its server is; some paths name a host of their own."""
    url = arguments["options"].url
    if url.startswith("http"):
        _, address, port = server(url)
        request = replace(request, server_address=address, server_port=port)
    return replace(request, provider=None) if request.provider == COMPATIBLE else request


def _embeddings_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return its_own(openai.embeddings_request(client, arguments), arguments)


def _chat_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return its_own(openai.chat_request(client, arguments), arguments)


def _text_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return its_own(openai.text_request(client, arguments), arguments)
