"""An OpenAI-compatible server on loopback that replays recorded answers of real models.

It speaks the protocol as the real client expects it: chat completions (whole and as server-sent events),
embeddings (float and base64), the list of models, JSON error bodies; and chat in those of Anthropic and Ollama, for
applications that ask these. It never makes an answer up: a question that was not recorded gets a 404.
"""

import json
import sys
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

from groundwire.demo import openai_bodies, protocols
from groundwire.demo.answers import RecordedAnswer, asked, recorded_answers
from groundwire.demo.openai_bodies import CHAT_MODEL, EMBEDDING_MODEL
from groundwire.demo.protocols import Refused, Reply
from groundwire.tokens import estimate_tokens

__all__ = ["CHAT_MODEL", "EMBEDDING_MODEL", "ReplayServer"]

_MAX_BODY = 32 * 1024 * 1024


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

    @property
    def root(self) -> str:
        """The base URL for clients of Anthropic and Ollama."""
        return self.url.removesuffix("/v1")

    @property
    def replies(self) -> tuple[Reply, ...]:
        """What it has answered so far, with the tokens that it said: the latest thousand, in their order."""
        return tuple(self._http.replies)

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
        self.replies: deque[Reply] = deque(maxlen=1000)
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away between two requests, as those do whose process ends."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


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
                self._send(200, {"object": "list", "data": [openai_bodies.model(name) for name in self._models()]})
            elif method == "GET" and path.startswith("/v1/models/"):
                self._send(200, self._one_model(path.removeprefix("/v1/models/")))
            elif method == "POST" and path == "/v1/chat/completions":
                self._chat(body)
            elif method == "POST" and path == "/v1/messages":
                self._messages(body)
            elif method == "POST" and path == "/v1/messages/count_tokens":
                self._send(200, {"input_tokens": estimate_tokens(openai_bodies.prompt(body))})
            elif method == "POST" and path == "/api/chat":
                self._ollama(body)
            elif method == "POST" and path == "/v1/embeddings":
                self._send(200, openai_bodies.embeddings(body))
            else:
                raise Refused(404, f"Unknown request URL: {method} {path}.", code="unknown_url")
        except Refused as refusal:
            self._send(refusal.status, refusal.body(path))
        except ConnectionError:
            self.close_connection = True  # the client went away, as it may

    # --- requests ---

    def _body(self) -> Mapping[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True  # what follows could not be told from the next request
            raise Refused(411, "The request has no Content-Length.")
        if int(length) > _MAX_BODY:
            self.close_connection = True
            raise Refused(413, f"The request body is larger than {_MAX_BODY} bytes.")
        try:
            body: Any = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise Refused(400, f"We could not parse the JSON body of your request: {error}") from error
        if not isinstance(body, dict):
            raise Refused(400, "The JSON body of your request must be an object.")
        return body

    def _models(self) -> list[str]:
        answers = cast(_Http, self.server).answers
        return [CHAT_MODEL, *sorted({entry.generator for entry in answers}), EMBEDDING_MODEL]

    def _one_model(self, name: str) -> dict[str, Any]:
        if name not in self._models():
            raise Refused(404, f"The model '{name}' does not exist.", code="model_not_found", param="model")
        return openai_bodies.model(name)

    def _chat(self, body: Mapping[str, Any]) -> None:
        if body.get("n") not in (None, 1):
            raise Refused(400, "There is one recorded answer to each question: 'n' must be 1.", param="n")
        reply = self._reply(body)
        entry, usage = reply.entry, openai_bodies.usage(reply.input_tokens, reply.output_tokens)
        head = {"id": f"chatcmpl-{entry.id}", "created": openai_bodies.CREATED, "model": entry.generator}
        if body.get("stream") is not True:
            message = {"role": "assistant", "content": entry.answer, "refusal": None}
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            self._send(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})
            return
        options = body.get("stream_options")
        wanted = isinstance(options, dict) and options.get("include_usage") is True
        chunks = openai_bodies.chunks({**head, "object": "chat.completion.chunk"}, reply, usage if wanted else None)
        self._stream("text/event-stream; charset=utf-8", (f"data: {chunk}\n\n" for chunk in chunks))

    def _messages(self, body: Mapping[str, Any]) -> None:
        reply = self._reply(body)
        if body.get("stream") is True:
            self._stream("text/event-stream; charset=utf-8", protocols.message_events(reply))
        else:
            self._send(200, protocols.message(reply))

    def _ollama(self, body: Mapping[str, Any]) -> None:
        reply = self._reply(body)
        if body.get("stream") is False:
            self._send(200, protocols.chat(reply))
        else:  # the server streams unless it is told not to
            self._stream("application/x-ndjson", protocols.chat_lines(reply))

    def _reply(self, body: Mapping[str, Any]) -> Reply:
        """The recorded answer to what is asked."""
        prompt = openai_bodies.prompt(body)
        http = cast(_Http, self.server)
        entry = asked(prompt, http.answers)
        if entry is None:
            raise Refused(
                404,
                "No answer to this question was recorded. This server replays answers and makes none up; "
                "the questions are in groundwire.demo.answers.recorded_answers().",
                code="not_recorded",
                param="messages",
            )
        reply = Reply(entry, estimate_tokens(prompt), estimate_tokens(entry.answer))
        http.replies.append(reply)
        return reply

    # --- responses ---

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, content_type: str, pieces: Iterable[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            data = piece.encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
