"""What the replay server reads and says in OpenAI's protocol: prompts, streams, embeddings, models.

Source of the shapes: OpenAI API reference, chat/create, chat-streaming, embeddings/create, models/list.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from groundwire.demo.embedding import DIMENSIONS, embed, words
from groundwire.demo.protocols import Refused, Reply
from groundwire.tokens import estimate_tokens

CHAT_MODEL = "recorded"
"""Ask for this one: the response names the model whose answer it is."""
EMBEDDING_MODEL = "hashed-words-512"
CREATED = 1_698_796_800
"""2023-11-01: about when RAGTruth's answers were made."""


def chunks(head: Mapping[str, Any], reply: Reply, usage: Mapping[str, Any] | None) -> Iterator[str]:
    """Role first, then the text in pieces, then the finish; the usage in a chunk without choices; that it is done."""
    # With `include_usage` every chunk has the key, null but in the last one.
    tail: dict[str, Any] = {} if usage is None else {"usage": None}

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return json.dumps({**head, "choices": [choice], **tail})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in reply.pieces():
        yield chunk({"content": piece})
    yield chunk({}, "stop")
    if usage is not None:
        yield json.dumps({**head, "choices": [], "usage": usage})
    yield "[DONE]"


def prompt(body: Mapping[str, Any]) -> str:
    """The text of the last user message: what is asked."""
    if not isinstance(body.get("model"), str):
        raise Refused(400, "you must provide a model parameter", param="model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "'messages' must be a list with at least one message.", param="messages")
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text(message.get("content"))
    raise Refused(400, "'messages' has no message of the user.", param="messages")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text for text in texts if isinstance(text, str))
    raise Refused(400, "The content of a user message must be a string or a list of parts.", param="messages")


def embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `POST /v1/embeddings`: hashed words."""
    dimensions = body.get("dimensions", DIMENSIONS)
    if isinstance(dimensions, bool) or not isinstance(dimensions, int) or not 1 <= dimensions <= 4096:
        raise Refused(400, "'dimensions' must be an integer from 1 to 4096.", param="dimensions")
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise Refused(400, f"'{encoding}' is not one of ['float', 'base64'].", param="encoding_format")
    data: list[dict[str, Any]] = []
    tokens = 0
    for index, entry in enumerate(_inputs(body.get("input"))):
        tokens += estimate_tokens(entry) if isinstance(entry, str) else len(entry)
        vector = embed(words(entry) if isinstance(entry, str) else [str(token) for token in entry], dimensions)
        # Base64 is what the official client asks for on its own: little-endian float32.
        shown: Any = (
            vector.tolist() if encoding == "float" else base64.b64encode(vector.astype("<f4").tobytes()).decode()
        )
        data.append({"object": "embedding", "index": index, "embedding": shown})
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": EMBEDDING_MODEL, "usage": usage}


def _inputs(given: Any) -> list[str | list[int]]:
    """A text, texts, token ids, or lists of token ids, as a list of texts or token ids."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list) and given:
        entries = given
        if all(_is_token(entry) for entry in entries):
            return [cast(list[int], entries)]
        if all(isinstance(entry, str) and entry for entry in entries) or all(_is_tokens(entry) for entry in entries):
            return cast(list[str | list[int]], entries)
    raise Refused(400, "'input' must be a text, or a list of texts, none of them empty.", param="input")


def _is_token(entry: Any) -> bool:
    return isinstance(entry, int) and not isinstance(entry, bool)


def _is_tokens(entry: Any) -> bool:
    return isinstance(entry, list) and bool(entry) and all(_is_token(t) for t in entry)


def usage(given: int, made: int) -> dict[str, Any]:
    """Counted by estimate: RAGTruth did not keep what the providers billed."""
    return {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def model(name: str) -> dict[str, Any]:
    """One entry of the list of models."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "groundwire-replay"}
