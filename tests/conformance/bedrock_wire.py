"""Bedrock's wire under a real client: it serialises, signs and parses; only the connection is played."""

import copy
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse, HeadersDict
from urllib3.exceptions import ProtocolError

from conformance.cases import Mode

REFUSED = json.dumps({"message": "The provided model identifier is invalid."}).encode()


class Raw(io.BytesIO):
    """The body under a response, which may break off after its pieces."""

    def __init__(self, pieces: Sequence[bytes], breaks: bool = False) -> None:
        super().__init__(b"".join(pieces))
        self._pieces = pieces
        self._breaks = breaks

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield from self._pieces
        if self._breaks:
            raise ProtocolError("Connection broken")


def event(name: str, payload: Mapping[str, Any], kind: str = "event") -> bytes:
    """One message of `application/vnd.amazon.eventstream`, an event or an exception."""
    named = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in named.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", len(headers) + len(body) + 16, len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


class Answer:
    """What the service says: a document, or events."""

    def __init__(
        self, body: Any = None, events: Sequence[bytes] = (), cut: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        self._pieces = events or (json.dumps(body).encode(),)
        self._cut = cut
        self._type = "application/vnd.amazon.eventstream" if events else "application/json"
        self._headers = headers or {}

    def response(self, mode: Mode, url: str) -> AWSResponse:
        status, pieces, breaks = 200, self._pieces, mode == "break"
        headers = {"content-type": self._type, "x-amzn-requestid": "00000000-0000", **self._headers}
        if mode == "error":
            status, pieces = 400, (REFUSED,)
            headers |= {"content-type": "application/json", "x-amzn-errortype": "ValidationException"}
        if "eventstream" not in headers["content-type"]:
            headers["content-length"] = str(sum(map(len, pieces)))
        sent = pieces[: self._cut] if breaks else pieces
        return AWSResponse(url, status, HeadersDict(headers), Raw(sent, breaks))


class _Session:
    def __init__(self, mode: Mode, served: Callable[[], None], answer: Answer) -> None:
        self._mode, self._served, self._answer = mode, served, answer

    def send(self, request: Any) -> AWSResponse:
        self._served()
        if self._mode == "interrupt":
            raise KeyboardInterrupt
        return self._answer.response(self._mode, request.url)


@cache
def _client(service: str) -> Any:
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "never-on-a-span"}
    return boto3.session.Session(region_name="us-east-1", **keys).client(service)


def opens(answer: Answer, service: str = "bedrock-runtime") -> Callable[[Mode, Callable[[], None]], Any]:
    """Opens a client over that answer: making one reads 100 kB of JSON, so they are copies of one."""

    def client(mode: Mode, served: Callable[[], None]) -> Any:
        known = _client(service)
        made = object.__new__(type(known))
        vars(made).update(vars(known))
        made._endpoint = copy.copy(made._endpoint)
        made._endpoint.http_session = _Session(mode, served, answer)
        return made

    return client
