"""What a model said: its answer, out of whatever form it was asked to write in."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.dialects.gen_ai import is_refusal, message_text, parts_of
from groundwire.fields import fields_in
from groundwire.model import Message

_ACTION = re.compile(r"^[ \t]*Action:.*^[ \t]*Action Input:", re.DOTALL | re.MULTILINE)
_FINAL = re.compile(
    r"(?:\A\s*(?:Thought:|Do I need to use a tool\?).*?^[ \t]*(?:(?:Final )?Answer|AI):|^[ \t]*Final Answer:)"
    r"\s*(\S.*)\Z",
    re.DOTALL | re.MULTILINE,
)
"""How models write that reason and act in plain text (ReAct): the call of a tool, the end. A prompt that ends in
`Thought:` leaves that word out of what is said."""
_ACTING = re.compile(r"\{.*\"action_input\".*\}", re.DOTALL)
"""The same as a JSON object, alone or behind a thought."""
_THOUGHT = re.compile(
    r"(?is)\A\s*(?:<(think(?:ing)?|thoughts?|reasoning|scratchpad|analysis)>.*?</\1>|.*</think>)\s*(?=\S)"
)
"""What a model thinks aloud before it answers; the beginning of that may be the prompt's."""
_TAGGED = re.compile(r"(?is)<(answer|final_answer|response)>\s*(\S.*?)\s*(?:</\1>|\Z)")
"""An answer in a tag, whose end may have been the word to stop at."""
_NEXT_TOOL = ("[[ ## next_tool_name ## ]]", '"next_tool_name"', "<next_tool_name>")
"""How DSPy has models call a tool: as one of its fields, of a JSON object, of tags."""
_FENCED = re.compile(r"(?s)\A```\w*\s*(\{.*\})\s*```\Z")
_ANSWER_KEYS = ("answer", "final_answer", "response", "output", "result", "text", "content", "reply")
_ARGUMENTS = _ANSWER_KEYS[:3]
"""Of a tool: those that no tool has which does anything but hand an answer on."""
_LEAD_IN = 240
"""Bytes that a model may say before it calls a tool: some forty words, in scripts without blanks too. More are an
answer, whatever is done beside it."""


def answer_in(output: Sequence[Message]) -> str:
    """Text of the first choice; the answering part of it, where it is JSON, DSPy's fields, tags or a tool's arguments.

    Empty where a tool is to be called: "let me look that up" answers nobody.
    """
    text, said = next(((t, m) for m in output if (t := message_text(m))), ("", output[0] if output else {}))
    parts = parts_of(said)
    if not text and any(is_refusal(m) for m in output):
        return "".join(str(p.get("content", "")) for m in output for p in parts_of(m))
    if parts and parts[-1].get("type") == "tool_call":
        return _handed_on(parts) or (text if len(text.encode(errors="replace")) > _LEAD_IN else "")
    if any(sign in text for sign in _NEXT_TOOL):
        return ""
    if "<" in text:
        text = _THOUGHT.sub("", text)
        tagged = _TAGGED.findall(text)
        text = tagged[-1][1] if tagged else text
    stripped = text.strip()
    if (fenced := _FENCED.match(stripped)) is not None:
        stripped = fenced[1]
    acting = _ACTING.search(text) if '"action_input"' in text else None
    if acting is not None and (action := _member(acting[0], ("action",))) is not None:
        return (_member(acting[0], ("action_input",)) or "") if action == "Final Answer" else ""
    if stripped.startswith("{") and stripped.endswith("}"):
        member = _member(stripped, _ANSWER_KEYS) or _sole(stripped)
        return text if member is None else member
    if ("Answer:" in text or "AI:" in text) and (final := _FINAL.search(text)) is not None:
        return final[1].strip()
    fields = fields_in(text)
    if "Action Input:" in text and _ACTION.search(text):
        return ""
    return next((fields[key] for key in _ANSWER_KEYS if key in fields), next(reversed(fields.values()), text))


def _handed_on(parts: Sequence[Mapping[str, Any]]) -> str:
    """The answer in the arguments of the one tool called: how models are made to answer in a structure."""
    calls = [part.get("arguments") for part in parts if part.get("type") == "tool_call"]
    return (_member(calls[0], _ARGUMENTS) or "") if len(calls) == 1 else ""


def _sole(text: str) -> str | None:
    """The one member of a JSON object, where that is a text."""
    try:
        members = list(json.loads(text).values())
    except (ValueError, RecursionError):
        return None
    return members[0] if len(members) == 1 and isinstance(members[0], str) else None


def _member(value: Any, keys: Sequence[str]) -> str | None:
    """The first of these members of an object that is a text; the object may be given as JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    found = (value.get(key) for key in keys) if isinstance(value, Mapping) else ()
    return next((member for member in found if isinstance(member, str)), None)
