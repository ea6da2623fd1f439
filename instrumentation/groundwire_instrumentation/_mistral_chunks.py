"""Answers of Mistral's chats, whole or in chunks."""

from collections.abc import Mapping
from typing import Any

from groundwire.model import Message, Response
from groundwire_instrumentation._joining import Joining
from groundwire_instrumentation._mistral_messages import get, listed, parts_of, tool_call, usage

_FINISH: Mapping[str, str] = {"tool_calls": "tool_call", "model_length": "length"}
_TEXT = {"content", "role"}


class Events:
    """Chunks of one answer, of which a whole one is the only one."""

    def __init__(self) -> None:
        self._last: Any = None
        self._usage: Any = None
        self._parts: dict[int, Joining] = {}
        self._calls: dict[tuple[int, int], dict[str, Any]] = {}
        self._finish: dict[int, str] = {}

    def add(self, event: Any) -> None:
        self._last = chunk = event.data
        said = chunk.__dict__  # every attribute of these models is asked for in vain first
        try:
            (choice,) = said["choices"]
            of_choice = choice.__dict__
            delta = of_choice["delta"]
            text = delta.__dict__["content"]
            if (
                type(text) is str
                and text
                and delta.__pydantic_fields_set__ <= _TEXT
                and not (of_choice["finish_reason"] or said["usage"])  # what is not set is false
            ):
                self._parts[of_choice["index"]].text.append(text)  # nearly always
                return
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        self.take(chunk)

    def take(self, chunk: Any) -> None:
        """One chunk, without the event around it."""
        self._last, said = chunk, chunk.__dict__
        if usage := said.get("usage"):
            self._usage = usage
        for choice in said.get("choices") or ():
            self._add(choice)

    def _add(self, choice: Any) -> None:
        index, reason = choice.index, choice.finish_reason
        parts = self._parts.get(index) or self._parts.setdefault(index, Joining())
        if reason:
            self._finish[index] = _FINISH.get(reason, reason)
        message = get(choice, "delta") or get(choice, "message")
        for one in (message,) if message is not None else listed(get(choice, "messages")):
            for part in parts_of(get(one, "content")):
                if part["type"] in ("text", "reasoning"):
                    parts.add(part["type"], part["content"])
                else:
                    parts.put(part)
            for place, call in enumerate(listed(get(one, "tool_calls"))):
                self._add_call((index, get(call, "index") or place), tool_call(call))

    def _add_call(self, place: tuple[int, int], call: dict[str, Any]) -> None:
        known = self._calls.get(place)
        if known is None:
            self._calls[place] = call
            return
        known["id"] = known["id"] or call["id"]
        known["name"] = known["name"] or call["name"]
        if isinstance(known["arguments"], str) and isinstance(call["arguments"], str):
            known["arguments"] += call["arguments"]

    def response(self) -> Response:
        messages: list[Message] = []
        for index, joining in sorted(self._parts.items()):
            parts = joining.parts()
            if self._calls:
                parts += [call for (choice, _), call in sorted(self._calls.items()) if choice == index]
            messages.append({"role": "assistant", "parts": parts})
        return Response(
            model=get(self._last, "model"),
            id=get(self._last, "id"),
            messages=messages or None,
            finish_reasons=[reason for _, reason in sorted(self._finish.items())],
            usage=usage(self._usage),
            error="error" if "error" in self._finish.values() else None,
        )


def answered(result: Any) -> Response:
    events = Events()
    events.take(result)
    return events.response()
