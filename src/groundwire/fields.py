"""Prompts and answers in fields, as DSPy writes them: `[[ ## name ## ]]`, a text, the next one."""

import re

from groundwire.cutting import QUESTION_KEYS

_FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]\s*(.*?)\s*(?=\[\[ ## \w+ ## \]\]|\Z)", re.DOTALL)
"""In an answer."""
_ASKED = re.compile(r"^\[\[ ## (\w+) ## \]\]\n(.*?)(?=^\[\[ ## \w+ ## \]\]$|\Z)", re.DOTALL | re.MULTILINE)
_FORM = re.compile(r"\n\nRespond with [^\n]*\bfields?\b[^\n]*\s*\Z")
"""What closes them: how to answer."""
_GIVEN = re.compile(
    r"(?i)(?:\w+_)?(?:contexts?|passages?|documents?|docs|sources|facts|notes|history|trajectory|hint|reasoning)"
    r"|(?:thought|tool_name|tool_args|observation)_\d+"
)
"""Fields that hold no question: what was found, said, done."""
_OBSERVED = re.compile(
    r"^\[\[ ## observation_\d+ ## \]\]\n(.*?)(?=^\[\[ ## |^Respond with |\Z)", re.DOTALL | re.MULTILINE
)


def fields_in(text: str) -> dict[str, str]:
    """DSPy's fields by name; empty where the text has none."""
    fields = dict(_FIELD.findall(text.strip())) if text.lstrip().startswith("[[ ## ") else {}
    fields.pop("completed", None)
    return fields


def asked_in(message: str) -> str | None:
    """The question in fields of a program of DSPy: the one that is called so, or the only one that is no context."""
    asked = _FORM.sub("", message)
    fields = {name: text.strip() for name, text in _ASKED.findall(asked) if text.strip()}
    named = next((fields[key] for key in QUESTION_KEYS if key in fields), None)
    rest = [text for name, text in fields.items() if not _GIVEN.fullmatch(name)]
    return rest[0] if named is None and len(rest) == 1 else named


def observed_in(text: str) -> list[str]:
    """What tools answered, in the fields of a prompt."""
    return _OBSERVED.findall(text) if "[[ ## observation_" in text else []
