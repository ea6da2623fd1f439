"""An OpenAI-compatible server on loopback that replays recorded answers of real models.

It speaks the protocol as the real client expects it: chat completions (whole and as server-sent events),
embeddings (float and base64), the list of models, JSON error bodies. It never makes an answer up: a question
that was not recorded gets a 404.

Source of the shapes: OpenAI API reference, chat/create, chat-streaming, embeddings/create, models/list.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

from groundwire.demo.answers import RecordedAnswer, asked, recorded_answers
from groundwire.demo.embedding import DIMENSIONS, embed, words
from groundwire.tokens import estimate_tokens

CHAT_MODEL = "recorded"
"""Ask for this one: the response names the model whose answer it is."""
EMBEDDING_MODEL = "hashed-words-512"
_MAX_BODY = 32 * 1024 * 1024
_CREATED = 1_698_796_800
"""2023-11-01: about when RAGTruth's answers were made."""
_PIECE = re.compile(r"\s*\S{1,12}|\s+$")
"""What one chunk of a stream carries: about a token."""


class ReplayServer:
    """Serves recorded answers from a thread of its own, on a free loopback port.

        with ReplayServer() as server:
            client = openai.OpenAI(base_url=server.url, api_key="any")

    Args:
        answers: what can be asked for; the recorded answers of the demo, unless given.
        port: to listen on; 0: any free one.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, answers: Sequence[RecordedAnswer] | None = None, port: int = 0) -> None:
        self._http = _Http(("127.0.0.1", port), recorded_answers() if answers is None else tuple(answers))
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.05,), name="groundwire-replay", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL for an OpenAI client."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def close(self) -> None:
        """Stop serving. May be called twice."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], answers: tuple[RecordedAnswer, ...]) -> None:
        self.answers = answers
        super().__init__(address, _Handler)


class _Refused(Exception):
    """A request that gets an error body, in the shape of OpenAI's."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keep-alive and chunked streams
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to the demo."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        try:
            body = self._body() if method == "POST" else {}
            if method == "GET" and path == "/v1/models":
                self._send(200, {"object": "list", "data": [_model(name) for name in self._models()]})
            elif method == "GET" and path.startswith("/v1/models/"):
                self._send(200, self._one_model(path.removeprefix("/v1/models/")))
            elif method == "POST" and path == "/v1/chat/completions":
                self._chat(body)
            elif method == "POST" and path == "/v1/embeddings":
                self._send(200, _embeddings(body))
            else:
                raise _Refused(404, f"Unknown request URL: {method} {path}.", code="unknown_url")
        except _Refused as refusal:
            self._send(refusal.status, refusal.body)
        except ConnectionError:
            self.close_connection = True  # the client went away, as it may

    # --- requests ---

    def _body(self) -> Mapping[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True  # what follows could not be told from the next request
            raise _Refused(411, "The request has no Content-Length.")
        if int(length) > _MAX_BODY:
            self.close_connection = True
            raise _Refused(413, f"The request body is larger than {_MAX_BODY} bytes.")
        try:
            body: Any = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise _Refused(400, f"We could not parse the JSON body of your request: {error}") from error
        if not isinstance(body, dict):
            raise _Refused(400, "The JSON body of your request must be an object.")
        return body

    def _models(self) -> list[str]:
        answers = cast(_Http, self.server).answers
        return [CHAT_MODEL, *sorted({entry.generator for entry in answers}), EMBEDDING_MODEL]

    def _one_model(self, name: str) -> dict[str, Any]:
        if name not in self._models():
            raise _Refused(404, f"The model '{name}' does not exist.", code="model_not_found", param="model")
        return _model(name)

    def _chat(self, body: Mapping[str, Any]) -> None:
        prompt = _prompt(body)
        if body.get("n") not in (None, 1):
            raise _Refused(400, "There is one recorded answer to each question: 'n' must be 1.", param="n")
        entry = asked(prompt, cast(_Http, self.server).answers)
        if entry is None:
            raise _Refused(
                404,
                "No answer to this question was recorded. This server replays answers and makes none up; "
                "the questions are in groundwire.demo.answers.recorded_answers().",
                code="not_recorded",
                param="messages",
            )
        usage = _usage(estimate_tokens(prompt), estimate_tokens(entry.answer))
        head = {"id": f"chatcmpl-{entry.id}", "created": _CREATED, "model": entry.generator}
        if body.get("stream") is not True:
            message = {"role": "assistant", "content": entry.answer, "refusal": None}
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            self._send(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})
            return
        options = body.get("stream_options")
        wanted = isinstance(options, dict) and options.get("include_usage") is True
        self._stream({**head, "object": "chat.completion.chunk"}, entry.answer, usage if wanted else None)

    # --- responses ---

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, head: Mapping[str, Any], answer: str, usage: Mapping[str, Any] | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in _chunks(head, answer, usage):
            self._event(json.dumps(chunk))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()


def _chunks(head: Mapping[str, Any], answer: str, usage: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Role first, then the text in pieces, then the finish; the usage last, in a chunk without choices."""
    # With `include_usage` every chunk has the key, null but in the last one.
    tail: dict[str, Any] = {} if usage is None else {"usage": None}

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "choices": [choice], **tail}

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in _PIECE.findall(answer):
        yield chunk({"content": piece})
    yield chunk({}, "stop")
    if usage is not None:
        yield {**head, "choices": [], "usage": usage}


def _prompt(body: Mapping[str, Any]) -> str:
    """The text of the last user message: what is asked."""
    if not isinstance(body.get("model"), str):
        raise _Refused(400, "you must provide a model parameter", param="model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _Refused(400, "'messages' must be a list with at least one message.", param="messages")
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text(message.get("content"))
    raise _Refused(400, "'messages' has no message of the user.", param="messages")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text for text in texts if isinstance(text, str))
    raise _Refused(400, "The content of a user message must be a string or a list of parts.", param="messages")


def _embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    dimensions = body.get("dimensions", DIMENSIONS)
    if isinstance(dimensions, bool) or not isinstance(dimensions, int) or not 1 <= dimensions <= 4096:
        raise _Refused(400, "'dimensions' must be an integer from 1 to 4096.", param="dimensions")
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise _Refused(400, f"'{encoding}' is not one of ['float', 'base64'].", param="encoding_format")
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
    raise _Refused(400, "'input' must be a text, or a list of texts, none of them empty.", param="input")


def _is_token(entry: Any) -> bool:
    return isinstance(entry, int) and not isinstance(entry, bool)


def _is_tokens(entry: Any) -> bool:
    return isinstance(entry, list) and bool(entry) and all(_is_token(t) for t in entry)


def _usage(given: int, made: int) -> dict[str, Any]:
    """Counted by estimate: RAGTruth did not keep what the providers billed."""
    return {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "groundwire-replay"}
