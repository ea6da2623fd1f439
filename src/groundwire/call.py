"""One call in flight: owns its span, ends it exactly once, and never lets a telemetry error out.

A call ends by its result, by an error, by the end of its stream, or because the stream was broken off or dropped.
Whichever comes first wins; the others find the call ended and do nothing.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter_ns
from typing import Any, Literal

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from groundwire import semconv
from groundwire.budget import DEFAULT_LIMIT, encodable, to_json
from groundwire.model import Accumulator, Operation, Provider, Request, Response, Usage
from groundwire.pricing import PriceTable
from groundwire.recall import Recall, Vault
from groundwire.tokens import estimate_tokens

_log = logging.getLogger(__name__)

# Some servers quote the key that they refuse.
_SECRET = re.compile(
    r"\b(?:sk|pk|pa|gsk|xai|key)-[\w-]{8,}|\b(?:gsk|hf|pcsk|tgp)_[\w-]{8,}|\b(Bearer )\S+", re.IGNORECASE
)

Capture = Literal["full", "scored", "off"]
"""Content: on the spans; only kept in the process until it is scored; nowhere."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """What every call shares: where content goes, what tokens cost, what was retrieved lately."""

    capture: Capture
    prices: PriceTable
    recall: Recall
    vault: Vault
    content_limit: int = DEFAULT_LIMIT
    """Characters an attribute may have."""


class Call:
    """The lifecycle of one span of ours."""

    __slots__ = (
        "_accumulator",
        "_content",
        "_ended",
        "_first_chunk_s",
        "_provider",
        "_recorder",
        "_recording",
        "_request",
        "_span",
        "_started_ns",
        "context",
        "operation",
    )

    def __init__(
        self,
        recorder: Recorder,
        provider: Provider,
        operation: Operation,
        request: Request,
        span: Span,
        context: Context,
    ) -> None:
        self._recorder = recorder
        self._provider = provider
        self.operation = operation
        self._request = request
        self._span = span
        self._started_ns = perf_counter_ns()
        self._first_chunk_s: float | None = None
        self._accumulator: Accumulator | None = None
        self._content: Mapping[str, str] = {}
        # A lock that is taken once and never released: the cheapest atomic flag there is.
        self._ended = threading.Lock()
        self.context = context
        self._recording = span.is_recording()  # what nobody will see is not read
        if self._recording and recorder.capture != "off":
            # Now, not at the end: applications append to the same message list while the call runs.
            try:
                self._content = semconv.request_content(request, recorder.content_limit)
            except Exception:
                _log.debug("%s: unreadable content", provider.name, exc_info=True)

    # --- while it runs ------------------------------------------------------------------------------------------

    @property
    def streamed(self) -> bool:
        """Whether the application asked for a stream."""
        return self._request.stream

    @property
    def streaming(self) -> bool:
        """Whether a chunk has come."""
        return self._first_chunk_s is not None

    @property
    def ended(self) -> bool:
        """Whether the span has ended."""
        return self._ended.locked()

    def expect_stream(self) -> None:
        """From now on chunks are collected, if anybody will see them."""
        if self._recording and self._accumulator is None and not self._ended.locked():
            make = self.operation.stream
            if make is not None:
                try:
                    self._accumulator = make()
                except Exception:
                    _log.debug("%s: stream cannot be collected", self._provider.name, exc_info=True)

    def chunk(self, chunk: Any) -> None:
        """Take one chunk that the application is about to see."""
        if self._first_chunk_s is None:
            self._first_chunk_s = (perf_counter_ns() - self._started_ns) / 1e9
        accumulator = self._accumulator
        try:
            if accumulator is not None:
                accumulator.add(chunk)
        except Exception:
            self.unreadable_chunk()

    @property
    def collect(self) -> Callable[[Any], None]:
        """Takes a chunk without telling the time, and may raise: for the loop that every chunk goes through."""
        accumulator = self._accumulator
        return _pass_over if accumulator is None else accumulator.add

    def unreadable_chunk(self) -> None:
        """A chunk could not be collected; for use inside `except`."""
        _log.debug("%s: unreadable chunk", self._provider.name, exc_info=True)

    # --- how it ends --------------------------------------------------------------------------------------------

    def succeed(self, result: Any) -> None:
        """End with the result of a call that was not streamed."""
        if self._ended.acquire(blocking=False):
            self._end(self._read(result), complete=True)

    def exhaust(self) -> None:
        """End because the stream ran out."""
        if self._ended.acquire(blocking=False):
            self._end(self._received(), complete=True)

    def abandon(self) -> None:
        """End because the application stopped reading: closed, left the `with`, or dropped the stream."""
        if self._ended.acquire(blocking=False):
            self._end(self._received(), complete=False)

    def fail(self, error: BaseException) -> None:
        """End with the error that the application is about to see, and with whatever was received before it."""
        if self._ended.acquire(blocking=False):
            self._end(self._received(), complete=False, error=None if self._pauses(error) else error)

    def _pauses(self, error: BaseException) -> bool:
        try:
            return self.operation.pauses is not None and self.operation.pauses(error)
        except Exception:
            _log.debug("%s: unreadable error", self._provider.name, exc_info=True)
            return False

    def _read(self, result: Any) -> Response:
        try:
            if not self._recording:
                return Response()
            return (self._request.read or self.operation.response)(result)
        except Exception:
            _log.debug("%s: unreadable result", self._provider.name, exc_info=True)
            return Response()

    def _received(self) -> Response:
        if self._accumulator is None:
            return Response()
        try:
            return self._accumulator.response()
        except Exception:
            _log.debug("%s: unreadable stream", self._provider.name, exc_info=True)
            return Response()

    def _end(self, response: Response, *, complete: bool, error: BaseException | None = None) -> None:
        span = self._span
        attributes: dict[str, Any] = {}
        try:
            if self._recording:
                try:
                    self._describe(attributes, response, complete=complete, error=error)
                finally:
                    # What could not be read is missing; what could be read is there.
                    span.set_attributes(attributes)
                if response.documents is not None and error is None and self._recorder.capture != "off":
                    root = getattr(span, "parent", None) is None
                    self._recorder.recall.remember(span.get_span_context(), response.documents, root=root)
        except Exception:
            _log.debug("%s: span could not be described", self._provider.name, exc_info=True)
        try:
            span.end()
        except Exception:
            _log.debug("%s: a span processor raised", self._provider.name, exc_info=True)
        self._accumulator = None

    def _describe(
        self, attributes: dict[str, Any], response: Response, *, complete: bool, error: BaseException | None
    ) -> None:
        recorder, request, capture = self._recorder, self._request, self._recorder.capture
        if error is not None:
            attributes[semconv.ERROR_TYPE] = type(error).__qualname__
            self._span.set_status(Status(StatusCode.ERROR, _message(error)))
        elif response.error is not None:
            attributes[semconv.ERROR_TYPE] = response.error
            self._span.set_status(StatusCode.ERROR)
        if self._first_chunk_s is not None:
            attributes[semconv.TIME_TO_FIRST_CHUNK] = self._first_chunk_s
        attributes |= semconv.response_attributes(response)
        if capture != "off":
            content = semconv.response_content(response, recorder.content_limit)
            if capture == "full":
                attributes |= self._content
                attributes |= content
            elif content or self._content:
                recorder.vault.put(self._span.get_span_context(), {**self._content, **content})
        usage = response.usage
        if (request.stream or self._accumulator is not None) and (error is None or self._first_chunk_s is not None):
            # An application may stop reading at the last word: nothing is missing then but the usage.
            if not complete and len(response.finish_reasons) < max(1, len(response.messages or ())):
                attributes[semconv.STREAM_INCOMPLETE] = True
            counted = usage is not None and usage.input_tokens is not None and usage.output_tokens is not None
            # Passages that the service found itself were in its prompt too, and nobody can say how long that was.
            if not counted and response.documents is None and self.operation.kind not in semconv.HOLDING:
                usage = self._with_estimate(usage or Usage(), response)
        if usage is not None and request.terms and not usage.terms:
            usage = replace(usage, terms=request.terms)
        if usage is not None:
            attributes |= semconv.usage_attributes(usage)
            asked, told = request.model, response.model or request.model
            if told is not None:
                if asked is not None and told in asked:  # which may say more: the region of a profile has prices too
                    asked, told = told, asked
                cost = recorder.prices.cost(request.provider or self._provider.name, told, usage)
                if cost is None and asked and asked != told:
                    cost = recorder.prices.cost(request.provider or self._provider.name, asked, usage)
                if cost is not None:
                    attributes[semconv.COST] = cost.usd
                    attributes[semconv.COST_SOURCE] = cost.source

    def _with_estimate(self, known: Usage, response: Response) -> Usage:
        """Streams report usage in their last chunk, if at all: what is missing is counted here, and marked."""
        request = self._request
        prompt = semconv.prompt_text(({"parts": request.instructions or ()}, *(request.messages or ())))
        if request.tools:
            prompt += to_json(request.tools)
        answer = semconv.prompt_text(response.messages or ())
        return replace(
            known,
            input_tokens=estimate_tokens(prompt) if known.input_tokens is None else known.input_tokens,
            output_tokens=estimate_tokens(answer) if known.output_tokens is None else known.output_tokens,
            estimated=True,
        )


def _pass_over(_chunk: Any) -> None:
    """For streams that nobody will see."""


def _message(error: BaseException) -> str:
    """The error's own words, at most 1000 characters, without keys."""
    try:
        text = str(error)
    except Exception:
        return ""
    return encodable(_SECRET.sub(r"\1[key]", text[:1000]))
