"""Chats in OpenAI's protocol: messages and tools, whole answers and streamed ones; texts from bare prompts too."""

from collections.abc import Mapping
from typing import Any

from groundwire.media import blob_part, file_part, uri_part
from groundwire.model import Message, Response
from groundwire_instrumentation._openai_usage import failure, members, tier, usage_of, whole

_MAPPINGS = (dict, Mapping)
"""A dictionary is told at once, others take longer."""


def tool(tool: Any) -> Mapping[str, Any]:
    """A definition of a tool."""
    if not isinstance(tool, _MAPPINGS):
        return {"type": str(tool)}
    function = tool.get("function")
    return {"type": "function", **function} if isinstance(function, Mapping) else tool


def message(message: Any) -> Message:
    """A message of a prompt."""
    if not isinstance(message, _MAPPINGS):
        return {"role": "user", "parts": parts_of(message)}
    role = message.get("role") or "user"
    content = message.get("content")
    if role == "tool":
        return {"role": role, "parts": [tool_result(message.get("tool_call_id"), content)]}
    if isinstance(content, str) and len(message) == 2:
        return {"role": role, "parts": [{"type": "text", "content": content}]}
    return {"role": role, "parts": _said(message)}


def _said(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A message of a prompt or of an answer: thoughts, which other makers' servers add, text, sound, calls."""
    parts: list[dict[str, Any]] = []
    if thought := _thought(message):
        parts.append({"type": "reasoning", "content": thought})
    parts += parts_of(message.get("content"))
    if refusal := message.get("refusal"):
        parts.append({"type": "text", "content": refusal, "refusal": True})
    if audio := members(message.get("audio")):
        spoken = audio.get("transcript")
        parts.append({"type": "text", "content": spoken} if spoken else file_part("audio", audio.get("id")))
    if called := message.get("function_call"):
        parts.append(tool_call(None, members(called)))
    for call in map(members, message.get("tool_calls") or ()):
        parts.append(tool_call(call.get("id"), members(call.get("function") or call.get("custom"))))
    return parts


def _thought(message: Mapping[str, Any]) -> str:
    thought = message.get("reasoning_content") or message.get("reasoning")
    return thought if isinstance(thought, str) else ""


def tool_result(identity: Any, content: Any) -> dict[str, Any]:
    """What a tool returned."""
    if not isinstance(content, str | None):
        # Apart, as several passages are: run together they would be one that nobody wrote.
        content = "\n\n".join(part["content"] for part in parts_of(content) if part.get("content"))
    return {"type": "tool_call_response", "id": identity, "response": content}


def tool_call(identity: Any, function: Mapping[str, Any]) -> dict[str, Any]:
    """A call of a tool."""
    arguments = function.get("arguments") if "arguments" in function else function.get("input")
    return {"type": "tool_call", "id": identity, "name": function.get("name"), "arguments": arguments}


def parts_of(content: Any) -> list[dict[str, Any]]:
    """The parts of a content: one text, or a list."""
    if content is None:
        return []
    return [_part(part) for part in (content if isinstance(content, list | tuple) else (content,))]


def _part(given: Any) -> dict[str, Any]:
    """One content part of either API, by its `type`."""
    if isinstance(given, str) or not (part := members(given)):
        return {"type": "text", "content": str(given)}
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text", "refusal"):
        text = {"type": "text", "content": part.get("text") or part.get("refusal") or ""}
        return text | {"refusal": True} if kind == "refusal" else text
    if kind == "thinking":
        return {"type": "reasoning", "content": "".join(t.get("content") or "" for t in parts_of(part.get("thinking")))}
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        return uri_part("image", url) if url else file_part("image", part.get("file_id"))
    if kind == "input_audio":
        audio = part.get("input_audio") or {}
        return blob_part("audio", f"audio/{audio.get('format', 'unknown')}", audio.get("data") or "")
    if kind in ("file", "input_file"):
        file = part.get("file") or part
        url = file.get("file_data") or file.get("file_url")
        return uri_part("document", url) if url else file_part("document", file.get("file_id"))
    return {"type": str(kind)}


_FINISH: Mapping[str, str] = {"tool_calls": "tool_call", "function_call": "tool_call", "eos": "stop"}


def answered(result: Any) -> Response:
    """Of a whole chat completion, or of a text that goes on from a bare prompt."""
    said = whole(result)
    choices = [members(c) for c in said.get("choices") or () if c is not None]
    messages: list[Message] = []
    for choice in choices:
        message = members(choice.get("message")) or {"content": choice.get("text")}
        messages.append({"role": message.get("role") or "assistant", "parts": _said(message)})
    return Response(
        model=said.get("model"),
        id=said.get("id"),
        messages=messages,
        finish_reasons=[_FINISH.get(reason, reason) for c in choices if (reason := c.get("finish_reason"))],
        usage=usage_of(said.get("usage"), said),
        error=failure(said),
        attributes=tier(said),
    )


class _Choice:
    __slots__ = ("calls", "finish", "refusal", "text", "thoughts")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.thoughts: list[str] = []
        self.refusal: list[str] = []
        self.calls: dict[int, list[Any]] = {}
        self.finish: str | None = None

    def add_call(self, call: Mapping[str, Any]) -> None:
        position, identity = call.get("index"), call.get("id")
        function = members(call.get("function") or call.get("custom"))
        if position is None:  # some servers do not number them: a new id is a new call
            position = len(self.calls) if identity or not self.calls else len(self.calls) - 1
        elif identity and function.get("name") and self.calls.get(position, (identity,))[0] not in (None, identity):
            position = len(self.calls)  # and some give all of them one number
        entry = self.calls.setdefault(position, [None, None, []])
        entry[0] = identity or entry[0]
        entry[1] = function.get("name") or entry[1]
        entry[2].append(function.get("arguments") or function.get("input") or "")

    def add_beside(self, delta: Mapping[str, Any]) -> None:
        """What a piece holds beside text."""
        if thought := _thought(delta):
            self.thoughts.append(thought)
        if refusal := delta.get("refusal"):
            self.refusal.append(refusal)
        for call in delta.get("tool_calls") or ():
            self.add_call(members(call))
        if called := delta.get("function_call"):
            self.add_call({"index": 0, "function": called})
        if audio := members(delta.get("audio")):
            self.text.append(audio.get("transcript") or "")

    def parts(self) -> list[dict[str, Any]]:
        thoughts = self.thoughts
        try:
            text = "".join(self.text)
        except TypeError:  # Mistral's models say their thoughts in parts of the content
            said = [part for piece in self.text if isinstance(piece, str | list) for part in parts_of(piece)]
            text = "".join(part.get("content") or "" for part in said if part["type"] == "text")
            thoughts = [*thoughts, *(part["content"] for part in said if part["type"] == "reasoning")]
        if text and not (thoughts or self.refusal or self.calls):
            return [{"type": "text", "content": text}]  # nearly always
        message = {"reasoning": "".join(thoughts), "refusal": "".join(self.refusal)}
        parts = _said(message | {"content": text or None})
        for _, (identity, name, pieces) in sorted(self.calls.items()):
            parts.append(tool_call(identity, {"name": name, "arguments": "".join(pieces)}))
        return parts


_TEXT = frozenset({"content", "role"})
_BARE = _TEXT | {"reasoning", "tool_call_id", "tool_calls"}


class Chunks:
    """Chunks of one streamed chat completion; choices may come interleaved."""

    def __init__(self) -> None:
        self._choices: dict[Any, _Choice] = {}
        self._last: Any = None
        self._named: Any = None
        self._usage: Any = None
        self._of_objects = True
        self._of_pydantic = True

    def add(self, chunk: Any) -> None:
        if self._of_objects and self._took(chunk):
            return
        self._last = chunk
        said = members(chunk)
        if said.get("model"):
            self._named = said
        if (usage := said.get("usage")) is not None:
            self._usage = usage
        for choice in map(members, said.get("choices") or ()):
            index = choice.get("index")
            known = self._choices.get(index) or self._choices.setdefault(index, _Choice())
            known.finish = choice.get("finish_reason") or known.finish
            delta = members(choice.get("delta"))
            if text := delta.get("content"):
                known.text.append(text)
            known.add_beside(delta)

    def _took(self, chunk: Any) -> bool:
        """Nearly all chunks are one piece of text: asked for like this it takes a third of the time."""
        try:
            said = chunk.__dict__
            (choice,) = said["choices"]
            of_choice = choice.__dict__
            delta = of_choice["delta"]
            told = delta.__dict__
            if self._of_pydantic:
                bare = delta.__pydantic_fields_set__ <= _TEXT and not delta.__pydantic_extra__
            else:
                bare = told.keys() <= _BARE and told.get("reasoning") is told.get("tool_calls") is None
            if bare and of_choice["finish_reason"] is said["usage"] is None:
                self._choices[of_choice["index"]].text.append(told["content"] or "")
                self._last = chunk
                return True
        except AttributeError:
            self._of_objects, self._of_pydantic = self._of_pydantic, False
        except (KeyError, TypeError, ValueError):
            pass
        return False

    def response(self) -> Response:
        choices = [self._choices[index] for index in sorted(self._choices, key=lambda index: index or 0)]
        last = members(self._last)
        if not last.get("model"):  # Azure's last ones may say nothing but what a filter found
            last = self._named or last
        return Response(
            model=last.get("model") or None,
            id=last.get("id") or None,
            messages=[{"role": "assistant", "parts": c.parts()} for c in choices],
            finish_reasons=[_FINISH.get(c.finish, c.finish) for c in choices if c.finish],
            usage=usage_of(self._usage, last),
            attributes=tier(last),
        )


class TextChunks(Chunks):
    """Chunks of a text."""

    def add(self, chunk: Any) -> None:
        self._last = chunk
        said = members(chunk)
        self._usage = said.get("usage") or self._usage
        for choice in map(members, said.get("choices") or ()):
            known = self._choices.setdefault(choice.get("index") or 0, _Choice())
            known.text.append(choice.get("text") or members(choice.get("delta")).get("content") or "")
            known.finish = choice.get("finish_reason") or said.get("finish_reason") or known.finish
