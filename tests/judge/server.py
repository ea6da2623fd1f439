"""A judge on loopback: speaks the three wire formats, says what a test has it say, and fails in every way it can."""

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """One request, as the judge sees it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def api(self) -> str:
        if self.path.endswith("/chat/completions"):
            return "openai"
        return "anthropic" if self.path.endswith("/messages") else "gemini"

    @property
    def system(self) -> str:
        if self.api == "openai":
            return self.body["messages"][0]["content"]
        if self.api == "anthropic":
            return self.body["system"]
        return self.body["systemInstruction"]["parts"][0]["text"]

    @property
    def user(self) -> str:
        if self.api == "openai":
            return self.body["messages"][1]["content"]
        if self.api == "anthropic":
            return self.body["messages"][0]["content"]
        return self.body["contents"][0]["parts"][0]["text"]

    @property
    def sections(self) -> dict[str, str]:
        """What is quoted, by title, as a careful reader finds it: by the mark that the system message names."""
        mark = re.search(r'"=== ([0-9a-f]+)"', self.system).group(1)
        parts = re.split(rf"^=== {mark} (.*)$", self.user, flags=re.MULTILINE)
        return {title: text.strip("\n") for title, text in zip(parts[1::2], parts[2::2], strict=True)}

    @property
    def passages(self) -> list[str]:
        return [text for title, text in self.sections.items() if title.startswith("passage")]

    @property
    def sentences(self) -> list[str]:
        return [text for title, text in self.sections.items() if title.startswith("sentence")]

    @property
    def order(self) -> str:
        """What is asked after the end of the data."""
        return self.user.rpartition(" end\n")[2].strip()

    @property
    def form(self) -> str:
        config = self.body.get("generationConfig", {})
        if "response_format" in self.body:
            return self.body["response_format"]["type"]
        if "output_config" in self.body or "responseSchema" in config:
            return "json_schema"
        return "json_object" if "tools" in self.body or "responseMimeType" in config else "plain"


@dataclass(frozen=True)
class Says:
    """What the model writes."""

    text: str
    stop: str = "stop"
    usage: tuple[int, int] | None = (1000, 200)


@dataclass(frozen=True)
class Raw:
    """An answer of HTTP, byte by byte."""

    status: int = 200
    body: bytes | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """Nothing is sent, until the server is closed."""


@dataclass(frozen=True)
class Drip:
    """A byte every 50 ms, of headers or of a body, without end."""

    part: str = "body"


@dataclass(frozen=True)
class Reset:
    """The connection is reset."""


Answer = Says | Raw | Hang | Drip | Reset | list[dict[str, Any]]
Mind = Callable[[Asked], Answer]


def row(number: int, verdict: str = "supported", quote: str = "", passage: int = 1) -> dict[str, Any]:
    return {"id": number, "passage": passage, "quote": quote, "reason": "because", "verdict": verdict}


def honest(asked: Asked) -> Answer:
    """Supports what stands in a passage, word for word."""
    rows = []
    for n, sentence in enumerate(asked.sentences, 1):
        place = next((i for i, p in enumerate(asked.passages, 1) if sentence.strip(".") in p), 0)
        rows.append(row(n, "supported" if place else "unsupported", sentence.strip(".") if place else "", place))
    return rows


class JudgeServer:
    """Answers each request by the next of its minds; the last one answers all that follow."""

    def __init__(self, *minds: Mind | Answer) -> None:
        self.asked: list[Asked] = []
        self.released = threading.Event()
        self._minds = list(minds) or [honest]
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...

            def do_POST(self) -> None:
                try:
                    server._serve(self)
                except (ConnectionError, OSError):
                    self.close_connection = True

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        asked = Asked(handler.path, {k.lower(): v for k, v in handler.headers.items()}, body)
        with self._lock:
            mind = self._minds[min(len(self.asked), len(self._minds) - 1)]
            self.asked.append(asked)
        answer = mind(asked) if callable(mind) else mind
        if isinstance(answer, list):
            answer = Says(json.dumps({"sentences": answer}))
        if isinstance(answer, Says):
            answer = Raw(200, _wire(asked, answer))
        if isinstance(answer, Raw):
            _send(handler, answer)
        elif isinstance(answer, Hang):
            self.released.wait(30)
            handler.close_connection = True
        elif isinstance(answer, Reset):
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
        else:
            self._drip(handler, answer.part)

    def _drip(self, handler: BaseHTTPRequestHandler, part: str) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"X: " if part == "headers" else b"Content-Length: 9999\r\n\r\n"))
        while not self.released.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()
        handler.close_connection = True


def _send(handler: BaseHTTPRequestHandler, answer: Raw) -> None:
    data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    handler.send_response(answer.status)
    for name, value in {"Content-Type": "application/json", **answer.headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def _wire(asked: Asked, said: Says) -> dict[str, Any]:
    given, made = said.usage or (None, None)
    if asked.api == "openai":
        usage = {"prompt_tokens": given, "completion_tokens": made} if said.usage else None
        message = {"role": "assistant", "content": said.text}
        return {
            "object": "chat.completion",
            "model": asked.body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": said.stop}],
            "usage": usage,
        }
    if asked.api == "anthropic":
        stops = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
        block: dict[str, Any] = {"type": "text", "text": said.text}
        if "tools" in asked.body:
            block = {"type": "tool_use", "id": "t", "name": "give_verdicts", "input": json.loads(said.text)}
        return {
            "type": "message",
            "model": asked.body["model"],
            "content": [block],
            "stop_reason": stops[said.stop],
            "usage": {"input_tokens": given, "output_tokens": made} if said.usage else {},
        }
    stops = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
    return {
        "candidates": [{"content": {"parts": [{"text": said.text}]}, "finishReason": stops[said.stop]}],
        "usageMetadata": {"promptTokenCount": given, "candidatesTokenCount": made} if said.usage else {},
        "modelVersion": "gemini-test-001",
    }


def error(status: int, message: str, **fields: Any) -> Raw:
    headers = fields.pop("headers", {})
    return Raw(status, {"error": {"message": message, **fields}}, headers)


def refusing(name: str, then: Mind = honest, status: int = 400) -> Mind:
    """Refuses every request that has a field or a format of this name, as endpoints do."""

    def mind(asked: Asked) -> Answer:
        return error(status, f"Unsupported parameter: '{name}'") if name in json.dumps(asked.body) else then(asked)

    return mind


def wrong(*texts: str) -> Sequence[Says]:
    return [Says(text) for text in texts]
