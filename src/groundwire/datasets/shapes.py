"""From one object of a dataset file to a case, by the keys that it has: our format, and what other tools write.

- ours: `question`, `reference`, `previous_answer`, `passages`, `tags`, `slices`, `provenance`
- plain tables: `question` (or `query`, `input`, `user_input`, `prompt`), `reference` (or `expected`, `expected_output`,
  `expectedOutput`, `ideal`, `ground_truth`, `target`), `passages` (or `contexts`, `context`, `documents`,
  `retrieved_contexts`), `answer` or `response` (the previous answer, never a reference)
- examples with `inputs` and `outputs`, whose outputs are the reference
- OpenAI evals: `input` is a list of messages, `ideal` a text or a list of texts, the first of which is taken
- chats: `messages`; the last of a user is the question, an assistant's after it the previous answer
- promptfoo tests: `vars`, `assert` (or the columns `__expected`, `__description`, `__metadata:NAME` of a table)
"""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from groundwire.datasets.case import FORMAT, Case, Slice
from groundwire.documents import as_documents
from groundwire.model import Passage

_QUESTION = ("question", "query", "input", "user_input", "prompt", "inputs", "q", "messages")
_REFERENCE = (
    *("reference", "expected", "expected_output", "expectedoutput", "expectedOutput", "ideal", "ground_truth"),
    *("reference_answer", "reference_outputs", "target", "outputs", "__expected"),
)
_ANSWER = ("previous_answer", "answer", "response", "output", "completion")
_PASSAGES = ("passages", "contexts", "retrieved_contexts", "context", "documents", "reference_contexts")
_OURS = ("groundwire_case", "id", "tags", "slices", "provenance", "redacted", "metadata")
_TEXTS = ("question", "query", "input", "text", "content", "value", "answer", "output", "response", "prompt")
"""Members, one of which holds the text of an object that stands where a text should."""
_EXPECTING = ("equals", "iequals", "icontains", "contains", "similar", "factuality", "model-graded-factuality")
"""Assertions of promptfoo whose value is a right answer, or the part of it that counts."""
_COLUMN = "__metadata:"


def case_of(item: Mapping[str, Any]) -> Case:
    """The case that an object tells.

    Raises:
        ValueError: it has no question, is of a later format, or a value is not what its key promises.
    """
    version = item.get("groundwire_case", FORMAT)
    if str(version) != str(FORMAT):
        raise ValueError(f"groundwire_case is {version!r}; this version reads {FORMAT}")
    if isinstance(item.get("vars"), Mapping):
        item = _of_promptfoo(item)
    used: list[str] = []
    question_key, question = _first(item, _QUESTION, _asked)
    if question is None:
        raise ValueError(_no_question(item))
    used.append(question_key)
    answer_key, answer = _first(item, _ANSWER, _said)
    if question_key == "messages" and answer is None:
        answer = _after(item["messages"])
    reference_key, reference = _first(item, _REFERENCE, _said)
    if reference_key == "__expected" and reference is not None:
        reference = _expected(reference)
    passages_key, passages = next(((k, item[k]) for k in _PASSAGES if item.get(k) not in (None, "", [])), ("", None))
    used += [answer_key, reference_key, passages_key]
    identity = item.get("id")
    return Case(
        question=question,
        reference=reference,
        id="" if identity in (None, "") else str(identity),
        passages=_passages(passages),
        previous_answer=answer,
        tags=_tags(item.get("tags")),
        slices=_slices(item),
        provenance=_object(item, "provenance"),
        redacted=_object(item, "redacted"),
        extra={
            k: v for k, v in item.items()
            if k not in used and k not in _OURS and not k.startswith(_COLUMN) and v not in (None, "")
        },
    )  # fmt: skip


def _no_question(item: Mapping[str, Any]) -> str:
    empty = next((k for k in _QUESTION if k in item), None)
    if empty is not None:
        return f"no question: {empty} holds no text"
    keys = ", ".join(str(key)[:40] for key in list(item)[:6])
    return f"no question: expected one of {', '.join(_QUESTION[:5])}; found {keys or 'an empty object'}"


def _first(item: Mapping[str, Any], keys: Sequence[str], read: Callable[[Any], str | None]) -> tuple[str, str | None]:
    """The first key that gives a text, and that text."""
    for key in keys:
        text = read(item.get(key))
        if text is not None and text.strip():
            return key, text
    return "", None


def _asked(value: Any) -> str | None:
    """A question: text, an object that holds it, or messages, the last of a user."""
    if isinstance(value, list):
        asked = [_said(m) for m in value if isinstance(m, Mapping) and m.get("role") in ("user", "human")]
        return next((text for text in reversed(asked) if text), None)
    if isinstance(value, Mapping) and isinstance(value.get("messages"), list):
        return _asked(value["messages"])
    return _said(value)


def _after(messages: Any) -> str | None:
    """What an assistant said after the last question."""
    rest = [m for m in messages if isinstance(m, Mapping)]
    last = rest[-1] if rest else {}
    return _said(last) if last.get("role") in ("assistant", "ai", "model") else None


def _said(value: Any) -> str | None:
    """A text: as it is, in an object, or the first of several."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Mapping):
        held = [value[k] for k in _TEXTS if isinstance(value.get(k), str | list)]
        texts = [v for v in value.values() if isinstance(v, str)]
        return _said(held[0]) if held else texts[0] if len(texts) == 1 else None
    if isinstance(value, list) and value:
        return _said(value[0])
    return None


def _passages(value: Any) -> tuple[Passage, ...]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    documents = as_documents(value)
    if value not in (None, [], "") and not any(d.text for d in documents):
        raise ValueError("passages hold no text; write a list of texts, or of objects with text and id")
    return tuple(Passage(d.text, d.id, d.score) for d in documents if d.text and d.text.strip())


def _tags(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.replace(";", ",").split(",")
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError(f"tags must be a list of texts, found {value!r:.60}")
    return tuple(dict.fromkeys(text for tag in value if (text := str(tag).strip())))


def _slices(item: Mapping[str, Any]) -> Mapping[str, Slice]:
    """Our slices, and the plain values of what other tools call metadata."""
    named = {k.removeprefix(_COLUMN): v for k, v in item.items() if k.startswith(_COLUMN)}
    metadata = item.get("metadata")
    inner = metadata if isinstance(metadata, Mapping) else {}
    found = {**inner, **named, **_object(item, "slices")}
    return {str(k): v for k, v in found.items() if isinstance(v, str | int | float | bool) and v == v}


def _object(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{key} must be an object, found {value!r:.60}")
    return value


def _of_promptfoo(item: Mapping[str, Any]) -> dict[str, Any]:
    """A test case of promptfoo, in plain keys."""
    variables: Mapping[str, Any] = item["vars"]
    texts = [k for k, v in variables.items() if isinstance(v, str)]
    plain: dict[str, Any] = {k: v for k, v in item.items() if k not in ("vars", "assert", "options", "threshold")}
    plain |= {k: v for k, v in variables.items() if k not in plain}
    if _first(plain, _QUESTION, _asked)[1] is None and len(texts) == 1:
        plain["question"] = variables[texts[0]]
    if _first(plain, _REFERENCE, _said)[1] is None:
        wanted = item.get("assert")
        for assertion in wanted if isinstance(wanted, list) else ():
            if isinstance(assertion, Mapping) and assertion.get("type") in _EXPECTING and _said(assertion.get("value")):
                plain["reference"] = _said(assertion["value"])
                break
    return plain


def _expected(text: str) -> str | None:
    """The right answer in a cell of promptfoo: plain, or behind the name of an assertion that compares with it."""
    kind, colon, value = text.partition(":")
    if not colon:
        return text
    name = kind.strip().partition("(")[0]
    if name in _EXPECTING:
        return value.strip() or None
    # another assertion (`javascript: ...`, `llm-rubric: ...`) is no answer; a sentence with a colon is
    return None if name and name.replace("-", "").isalnum() and name == name.lower() and " " not in name else text
