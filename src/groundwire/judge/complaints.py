"""What an endpoint says when it does not answer: read for machines, and told to people without secrets."""

import json
from dataclasses import dataclass
from typing import Any

from groundwire.judge.exchange import Ask, mapping
from groundwire.judge.transport import Response


@dataclass(frozen=True, slots=True)
class Told:
    """What an error answer says."""

    message: str
    """For people: no key, nothing of what was asked."""
    words: str
    """All of it in lower case, to look for names of options in."""
    filtered: bool
    """A content filter declined the question."""
    spent: bool
    """There is no money left over there: asking again does not help."""

    @classmethod
    def of(cls, answer: Response, key: str | None, question: Ask) -> "Told":
        body = answer.body[0] if isinstance(answer.body, list) and answer.body else answer.body
        error: Any = mapping(body).get("error", mapping(body).get("detail", mapping(body).get("message", body)))
        found = mapping(error)
        said = found.get("message") or (error if isinstance(error, str) else "")
        words = json.dumps(body).lower() if body is not None else ""
        code = found.get("code")
        inner = mapping(found.get("innererror")).get("code")
        return cls(
            _message(answer, str(said), key, question),
            words,
            code == "content_filter" or inner == "ResponsibleAIPolicyViolation",
            code == "insufficient_quota",
        )


def _message(answer: Response, said: str, key: str | None, question: Ask) -> str:
    if answer.body is None:
        return no_json(answer)
    said = " ".join(said.split())
    if key:
        said = said.replace(key, "[key]")
    echo = any(said[i : i + 24] in question.user for i in range(max(0, len(said) - 23)))
    hint = {401: "; is the key right?", 403: "; is the key right?", 404: "; are model and base_url right?"}
    quoted = "" if echo or not said else f": {said[:200]}"
    return f"the judge answered {answer.status}{quoted}{hint.get(answer.status, '')}"


def no_json(answer: Response) -> str:
    """What to tell about an answer that is no JSON: often a web page, from an address that is not the API's."""
    kind = answer.kind.partition(";")[0].strip() or "something"
    return f"the judge answered {answer.status} with {kind} that is no JSON; is base_url right?"
