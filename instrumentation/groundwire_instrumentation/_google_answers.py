"""What Gemini answers, whole or in chunks.

A prompt's tokens include cached ones; thoughts and what tools returned are counted beside, and are added up here.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from groundwire.model import NOTHING, Document, Message, Response, Usage
from groundwire_instrumentation._google_arguments import grow
from groundwire_instrumentation._google_contents import part_of, plain
from groundwire_instrumentation._joining import Joining

_FILTERED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR")


class Chunks:
    """Chunks of one answer, streamed or whole."""

    def __init__(self) -> None:
        self._candidates: defaultdict[int, Joining] = defaultdict(Joining)
        self._finish: dict[int, Any] = {}
        self._calling: dict[int, dict[str, Any]] = {}
        self._last: Any = None
        self._usage: Any = None
        self._counted: Any = None
        self._counts: dict[str, int] = {}
        self._blocked: Any = None
        self._found: list[Document] = []

    def add(self, chunk: Any) -> None:
        self._last = chunk
        try:
            self._usage = chunk.usage_metadata or self._usage
            (candidate,) = chunk.candidates
            (part,) = candidate.content.parts
            if (
                (text := part.text) is not None and part.thought is None and candidate.grounding_metadata is None
            ):  # nearly always
                self._candidates[candidate.index or 0].text.append(text)
                if (reason := candidate.finish_reason) is not None:
                    self._finish[candidate.index or 0] = reason
                    self._count()
                return
        except (AttributeError, TypeError, ValueError):
            pass
        self._count()
        if (feedback := getattr(chunk, "prompt_feedback", None)) is not None:
            self._blocked = feedback.block_reason or self._blocked
        for candidate in getattr(chunk, "candidates", None) or ():
            self._add(candidate)

    def _add(self, candidate: Any) -> None:
        index = candidate.index or 0
        known = self._candidates[index]
        grounds = candidate.grounding_metadata  # what Google's own search of files found
        for chunk in (grounds and grounds.grounding_chunks) or ():
            if (found := chunk.retrieved_context) is not None and found.text:
                self._found.append(Document(found.text, found.uri or found.title, None, {"title": found.title}))
        for part in (candidate.content and candidate.content.parts) or ():
            if part.text is not None:
                known.add("reasoning" if part.thought else "text", part.text)
            elif part.function_call is not None:
                self._add_call(index, known, part)
            else:
                known.put(part_of(part))
        if candidate.finish_reason is not None:
            self._finish[index] = candidate.finish_reason

    def _add_call(self, index: int, known: Joining, part: Any) -> None:
        """A call of a function, whose arguments may come in pieces: the first one names it, the last one ends it."""
        call, whole = part.function_call, self._calling.pop(index, None)
        if whole is None or call.name not in (None, whole["name"]):
            whole = part_of(part)
            known.put(whole)
        if call.partial_args:
            grow(whole, call.partial_args)
        if call.will_continue:
            self._calling[index] = whole

    def _count(self) -> None:
        """What is told later holds; what is told no more holds too. Between two bare texts nothing new is told."""
        if self._usage is not self._counted:
            if self._counted is not None:
                self._counts |= _told(self._counted)
            self._counted = self._usage

    def response(self) -> Response:
        messages: list[Message] = []
        reasons: list[str] = []
        for index, joining in sorted(self._candidates.items()):
            parts = joining.parts()
            if (told := self._finish.get(index)) is not None:
                reason = str(plain(told))
                reasons.append(_finish(reason, parts))
                parts = _marked(parts) if reason != "STOP" and _filtered(reason) else parts
            messages.append({"role": "assistant", "parts": parts})
        if self._blocked is not None and not messages:
            reasons = ["content_filter"]
            messages = [{"role": "assistant", "parts": _marked([])}]
        self._count()
        counts = vars(self._counted) if self._counted is not None else NOTHING
        return Response(
            model=getattr(self._last, "model_version", None),
            id=getattr(self._last, "response_id", None),
            messages=messages or None,
            finish_reasons=reasons,
            usage=_usage({**counts, **self._counts, **_told(self._counted)} if self._counts else counts),
            documents=self._found or None,
        )


_COUNTS = (
    "prompt_token_count",
    "tool_use_prompt_token_count",
    "candidates_token_count",
    "thoughts_token_count",
    "cached_content_token_count",
)


def _told(usage: Any) -> dict[str, int]:
    told = vars(usage)
    return {name: count for name in _COUNTS if (count := told.get(name)) is not None}


_DETAILS: Mapping[str, str] = {
    "prompt_tokens_details": "input_{}_tokens",
    "tool_use_prompt_tokens_details": "input_{}_tokens",
    "candidates_tokens_details": "output_{}_tokens",
    "cache_tokens_details": "cache_{}_read_tokens",
}
_MODALITIES: Mapping[Any, str] = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video"}
_TRAFFIC: Mapping[Any, str] = {
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "offpeak",
    "PROVISIONED_THROUGHPUT": "provisioned",
}


def _usage(told: Mapping[str, Any]) -> Usage | None:
    """What was counted, if anything was."""
    ask = told.get
    asked, returned = ask("prompt_token_count"), ask("tool_use_prompt_token_count")
    said, thought = ask("candidates_token_count"), ask("thoughts_token_count")
    cached = ask("cached_content_token_count")
    if asked is returned is said is thought is cached is None:
        return None
    apart: dict[str, int] = {}
    if any(map(ask, _DETAILS)):
        for details, name in _DETAILS.items():
            for row in ask(details) or ():
                if (kind := _MODALITIES.get(plain(row.modality))) and row.token_count:
                    apart[name.format(kind)] = apart.get(name.format(kind), 0) + row.token_count
    tier = _TRAFFIC.get(plain(traffic)) if (traffic := ask("traffic_type")) else None
    return Usage(
        asked if returned is None else (asked or 0) + returned,
        said if thought is None else (said or 0) + thought,
        cached,
        None,
        thought,
        apart=apart,
        terms={"service_tier": tier} if tier else NOTHING,
    )


def _filtered(reason: str) -> bool:
    return reason.removeprefix("IMAGE_") in _FILTERED


def _finish(reason: str, parts: list[dict[str, Any]]) -> str:
    if reason == "STOP":
        return "tool_call" if "tool_call" in [part["type"] for part in parts] else "stop"
    return "length" if reason == "MAX_TOKENS" else "content_filter" if _filtered(reason) else reason.lower()


def _marked(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part | {"refusal": True} for part in parts] or [{"type": "text", "content": "", "refusal": True}]


def answered(result: Any) -> Response:
    raw = getattr(result.sdk_http_response, "body", None)
    if raw:  # the application asked for that in place of an answer
        result = type(result)._from_response(response=json.loads(raw), kwargs={})
    chunks = Chunks()
    chunks.add(result)
    return chunks.response()
