"""A loopback server in the wire format of OpenAI that gives the answers of `truth`, and of Cohere for reranking.

Vectors are made so that any store returns the passages in the order that `truth` says. Standard library only.
"""

import base64
import json
import struct
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from recordings import truth
from recordings.truth import CORPUS, REQUESTS, Request, Tokens

_CREATED = 1_760_000_000
_DIMENSIONS = 16


class AnswerServer:
    """Serves from a thread of its own; `url` is what an OpenAI client wants as its base URL."""

    def __init__(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.url = f"{self.address}/v1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5.0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": truth.MODEL, "object": "model", "created": _CREATED}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        path = self.path.partition("?")[0]
        if path.endswith("/chat/completions"):
            self._chat(body)
        elif path.endswith("/responses"):
            self._respond(body)
        elif path.endswith("/embeddings"):
            self._send(_embeddings(body))
        elif path.endswith("/rerank"):
            self._send(_rerank(body))
        else:
            self._send({"error": {"message": f"unknown path {path}", "type": "invalid_request_error"}}, 404)

    def _chat(self, body: Mapping[str, Any]) -> None:
        asked = _asked(body.get("messages", ()))
        if asked is None:
            error = {"message": "this question has no recorded answer", "type": "invalid_request_error"}
            self._send({"error": error}, 404)
            return
        request, rewriting = asked
        if rewriting and request.query is not None:
            text, tokens = request.query, request.query_tokens or Tokens(1, 1)
        else:
            text, tokens = request.answer, request.tokens
        head = {"id": f"chatcmpl-{request.name}{'-query' * rewriting}", "created": _CREATED}
        head |= {"model": truth.RESPONSE_MODEL, "system_fingerprint": "fp_recorded", "service_tier": "default"}
        call = None if rewriting else _tool_call(body, request)
        if body.get("stream") is not True:
            message = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
            if call is not None:
                message |= {"content": None, "tool_calls": [call]}
            finish = "stop" if call is None else "tool_calls"
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
            self._send({**head, "object": "chat.completion", "choices": [choice], "usage": _usage(tokens)})
            return
        wanted = (body.get("stream_options") or {}).get("include_usage") is True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        head = {**head, "object": "chat.completion.chunk"}
        for chunk in _chunks(head, text, _usage(tokens) if wanted else None, call):
            self._event(json.dumps(chunk))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _respond(self, body: Mapping[str, Any]) -> None:
        """The responses API, whole answers only."""
        given = body.get("input")
        given = [{"role": "user", "content": given}] if isinstance(given, str) else given or ()
        asked = _asked([m for m in given if isinstance(m, Mapping)])
        if asked is None:
            error = {"message": "this question has no recorded answer", "type": "invalid_request_error"}
            self._send({"error": error}, 404)
            return
        request, rewriting = asked
        text, tokens = request.answer, request.tokens
        if rewriting and request.query is not None:
            text, tokens = request.query, request.query_tokens or Tokens(1, 1)
        part = {"type": "output_text", "text": text, "annotations": []}
        message = {"type": "message", "id": f"msg_{request.name}", "status": "completed", "role": "assistant"}
        usage = {
            "input_tokens": tokens.input,
            "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": 0},
            "output_tokens": tokens.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens.input + tokens.output,
        }
        head = {"id": f"resp_{request.name}", "object": "response", "created_at": _CREATED, "status": "completed"}
        rest = {"instructions": body.get("instructions"), "tools": [], "tool_choice": "auto", "metadata": {}}
        rest |= {"error": None, "incomplete_details": None, "parallel_tool_calls": True, "temperature": 1, "top_p": 1}
        self._send(
            {**head, **rest, "model": truth.RESPONSE_MODEL, "output": [{**message, "content": [part]}], "usage": usage}
        )

    def _event(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def _send(self, body: Mapping[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _chunks(
    head: Mapping[str, Any], text: str, usage: Mapping[str, Any] | None, call: Mapping[str, Any] | None
) -> Iterator[dict[str, Any]]:
    tail: dict[str, Any] = {} if usage is None else {"usage": None}

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **tail}

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    if call is None:
        for start in range(0, len(text), 7):
            yield chunk({"content": text[start : start + 7]})
    else:
        yield chunk({"tool_calls": [{"index": 0, **call}]})
    yield chunk({}, "stop" if call is None else "tool_calls")
    if usage is not None:
        yield {**head, "choices": [], "usage": usage}


def _asked(messages: Any) -> tuple[Request, bool] | None:
    """The request that the prompt is about, and whether it asks for a search query."""
    text = "\n".join(_text(m.get("content")) for m in messages)
    # The question that stands last: a conversation quotes earlier ones.
    found = max(((text.rfind(r.question), n) for n, r in enumerate(REQUESTS)), default=(-1, 0))
    return None if found[0] < 0 else (REQUESTS[found[1]], "search query" in text)


def _tool_call(body: Mapping[str, Any], request: Request) -> dict[str, Any] | None:
    """A call of the first tool, where tools are given and none of them has answered yet."""
    if not body.get("tools") or not request.retrieved or any(m.get("role") == "tool" for m in body["messages"]):
        return None
    function = body["tools"][0]["function"]
    names = list((function.get("parameters") or {}).get("properties") or {"query": {}})
    arguments = json.dumps({names[0]: request.search})
    return {
        "id": f"call_{request.name}",
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("input")
    inputs = given if isinstance(given, list) and not (given and isinstance(given[0], int)) else [given]
    rows: list[dict[str, Any]] = []
    for index, entry in enumerate(inputs):
        vector = _vector(entry if isinstance(entry, str) else "")
        packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        shown = packed if body.get("encoding_format") == "base64" else vector
        rows.append({"object": "embedding", "index": index, "embedding": shown})
    tokens = sum(embedding_tokens(str(entry)) for entry in inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": rows, "model": body.get("model", truth.EMBEDDING_MODEL), "usage": usage}


def embedding_tokens(text: str) -> int:
    """What the server bills for one text to embed."""
    return len(text.split())


def _vector(text: str) -> list[float]:
    """A passage is an axis; a query leans to the passages that it is to find, the first one most."""
    vector = [0.0] * _DIMENSIONS
    for axis, passage in enumerate(CORPUS.values()):
        if passage in text:
            vector[axis] = 1.0
    if not any(vector):
        for request in REQUESTS:
            if request.search in text or request.question in text:
                for place, name in enumerate(request.retrieved):
                    vector[list(CORPUS).index(name)] = 1.0 - 0.2 * place
    if not any(vector):
        vector[-1] = 1.0
    norm = sum(x * x for x in vector) ** 0.5
    return [x / norm for x in vector]


def _rerank(body: Mapping[str, Any]) -> dict[str, Any]:
    documents = [d if isinstance(d, str) else str(d.get("text", "")) for d in body.get("documents", ())]
    request = next(
        (r for r in REQUESTS if r.question in str(body.get("query")) or r.search in str(body.get("query"))), None
    )
    wanted = truth.texts(request.reranked) if request is not None else []
    order = sorted(range(len(documents)), key=lambda n: _place(documents[n], wanted))
    results = [{"index": n, "relevance_score": round(0.95 - 0.15 * rank, 2)} for rank, n in enumerate(order)]
    top = body.get("top_n") or len(results)
    return {"id": "rerank-recorded", "results": results[:top], "meta": {"billed_units": {"search_units": 1}}}


def _place(document: str, wanted: list[str]) -> int:
    return next((place for place, text in enumerate(wanted) if text in document), len(wanted))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or "" for part in content or () if isinstance(part, Mapping))
