"""What the replay server says in the protocols of Anthropic and of Ollama: whole answers, streams and errors.

Pure: from a recorded answer to JSON. Source of the shapes: Anthropic API reference, messages and streaming messages;
Ollama API reference, chat.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groundwire.demo.answers import RecordedAnswer

_PIECE = re.compile(r"\s*\S{1,12}|\s+$")
"""What one chunk of a stream carries: about a token."""
_MADE_AT = "2023-11-01T00:00:00Z"
"""About when RAGTruth's answers were made."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A recorded answer to one request, with the tokens of both."""

    entry: RecordedAnswer
    input_tokens: int
    output_tokens: int

    def pieces(self) -> list[str]:
        """The answer as a stream carries it."""
        return _PIECE.findall(self.entry.answer)


# --- Anthropic ------------------------------------------------------------------------------------------------------


def message(reply: Reply) -> dict[str, Any]:
    """The body of `POST /v1/messages`."""
    content = [{"type": "text", "text": reply.entry.answer, "citations": None}]
    return _message(reply, content, "end_turn", reply.output_tokens)


def _message(reply: Reply, content: list[Any], stop: str | None, output_tokens: int) -> dict[str, Any]:
    nothing_cached = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {
        "id": f"msg_{reply.entry.id}",
        "type": "message",
        "role": "assistant",
        "model": reply.entry.generator,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": output_tokens, **nothing_cached},
    }


def message_events(reply: Reply) -> Iterator[str]:
    """The same as server-sent events; the tokens of the answer come with the last but one."""
    yield _event({"type": "message_start", "message": _message(reply, [], None, 1)})
    yield _event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    for piece in reply.pieces():
        yield _event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
    yield _event({"type": "content_block_stop", "index": 0})
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": stop, "usage": {"output_tokens": reply.output_tokens}})
    yield _event({"type": "message_stop"})


def _event(value: Mapping[str, Any]) -> str:
    return f"event: {value['type']}\ndata: {json.dumps(value)}\n\n"


# --- Ollama ---------------------------------------------------------------------------------------------------------


def chat(reply: Reply) -> dict[str, Any]:
    """The body of `POST /api/chat` that is not streamed."""
    return _said(reply, reply.entry.answer, last=True)


def chat_lines(reply: Reply) -> Iterator[str]:
    """The same as lines of JSON; the last one has no text, and the tokens."""
    for piece in reply.pieces():
        yield json.dumps(_said(reply, piece, last=False)) + "\n"
    yield json.dumps(_said(reply, "", last=True)) + "\n"


def _said(reply: Reply, text: str, *, last: bool) -> dict[str, Any]:
    line = {
        "model": reply.entry.generator,
        "created_at": _MADE_AT,
        "message": {"role": "assistant", "content": text},
        "done": last,
    }
    if not last:
        return line
    counts = {"prompt_eval_count": reply.input_tokens, "eval_count": reply.output_tokens}
    return {**line, "done_reason": "stop", **counts}


# --- errors ---------------------------------------------------------------------------------------------------------


class Refused(Exception):
    """A request that gets an error body."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self._words, self._code, self._param = message, code, param

    def body(self, path: str) -> dict[str, Any]:
        """In the shape of the protocol that the path belongs to."""
        if path.startswith("/api/"):
            return {"error": self._words}
        failed = self.status >= 500
        if path.startswith("/v1/messages"):
            kind = "api_error" if failed else "not_found_error" if self.status == 404 else "invalid_request_error"
            return {"type": "error", "error": {"type": kind, "message": self._words}}
        kind = "server_error" if failed else "invalid_request_error"
        return {"error": {"message": self._words, "type": kind, "param": self._param, "code": self._code}}
