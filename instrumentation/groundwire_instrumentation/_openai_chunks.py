"""Streamed answers in OpenAI's protocol, put together chunk by chunk; texts from bare prompts too."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from groundwire.model import Message, Response
from groundwire.wire import members
from groundwire_instrumentation._openai_chat import FINISH, parts_of, said_in, thought_in, tool_call
from groundwire_instrumentation._openai_usage import failure, tier, usage_of


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
        if thought := thought_in(delta):
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
        parts = said_in(message | {"content": text or None})
        for _, (identity, name, pieces) in sorted(self.calls.items()):
            parts.append(tool_call(identity, {"name": name, "arguments": "".join(pieces)}))
        return parts


_TEXT = frozenset({"content", "role"})
_BARE = 5
"""Members of a piece of Hugging Face's with nothing unforeseen in it: these two, a tool's id, its calls, a thought."""


class Chunks:
    """Chunks of one streamed chat completion; choices may come interleaved.

    Args:
        of_pydantic: what is tried first: whether chunks are models of pydantic's, as most are, or Hugging Face's.
    """

    def __init__(self, *, of_pydantic: bool = True) -> None:
        self._choices: defaultdict[Any, _Choice] = defaultdict(_Choice)
        self._last: Any = None
        self._named: Any = None
        self._usage: Any = None
        self._of_objects = True
        self._of_pydantic = of_pydantic

    def add(self, chunk: Any) -> None:
        self._last = chunk
        if self._of_objects:
            # Nearly all chunks say nothing but a piece of text, or why it ends: so asked it takes a third of the time.
            try:
                if (usage := chunk.usage) is not None:
                    self._usage = usage
                    if not chunk.choices and chunk.model:  # as the last one is
                        self._named = chunk
                        return
                (choice,) = chunk.choices
                delta = choice.delta
                if (
                    delta.__pydantic_fields_set__ <= _TEXT and not delta.__pydantic_extra__
                    if self._of_pydantic
                    else len(delta) == _BARE and delta.reasoning is None and delta.tool_calls is None
                ):
                    known = self._choices[choice.index]
                    if reason := choice.finish_reason:
                        known.finish = reason
                    if text := delta.content:
                        known.text.append(text)
                    elif chunk.model:  # of the first and the last piece
                        self._named = chunk
                    return
            except AttributeError:
                self._of_objects, self._of_pydantic = self._of_pydantic, False
            except (TypeError, ValueError):
                pass
        self._read(members(chunk))

    def _read(self, said: Mapping[str, Any]) -> None:
        if said.get("model"):
            self._named = said
        if (usage := said.get("usage")) is not None:
            self._usage = usage
        for choice in map(members, said.get("choices") or ()):
            known = self._choices[choice.get("index")]
            known.finish = choice.get("finish_reason") or known.finish
            delta = members(choice.get("delta"))
            if text := delta.get("content"):
                known.text.append(text)
            known.add_beside(delta)

    def response(self) -> Response:
        choices = list(self._choices.values())
        if len(choices) > 1:
            choices = [self._choices[index] for index in sorted(self._choices, key=lambda index: index or 0)]
        last = members(self._last)
        error = failure(last)
        if not last.get("model"):  # Azure's last ones may say nothing but what a filter found
            last = members(self._named) or last
        messages: list[Message] = []
        reasons: list[str] = []
        for choice in choices:
            messages.append({"role": "assistant", "parts": choice.parts()})
            if reason := choice.finish:
                reasons.append(FINISH.get(reason, reason))
        return Response(
            model=last.get("model") or None,
            id=last.get("id") or None,
            messages=messages,
            finish_reasons=reasons,
            usage=usage_of(self._usage, last),
            error=error,
            attributes=tier(last),
        )


class TextChunks(Chunks):
    """Chunks of a text."""

    def add(self, chunk: Any) -> None:
        self._last = chunk
        said = members(chunk)
        self._usage = said.get("usage") or self._usage
        for choice in map(members, said.get("choices") or ()):
            known = self._choices[choice.get("index") or 0]
            known.text.append(choice.get("text") or members(choice.get("delta")).get("content") or "")
            known.finish = choice.get("finish_reason") or said.get("finish_reason") or known.finish
