"""Replaces private data in the texts of one case after the other, with placeholders that are consistent in a case."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, TypeAlias

from groundwire.errors import ConfigurationError
from groundwire.redaction.patterns import KINDS, PLAIN, Found, Kind, names

Hook: TypeAlias = Callable[[str], str]
"""A text to the text without what must not leave. Raising stops everything: nothing is written half redacted."""

_PLACEHOLDER = re.compile(r"<([A-Z][A-Z_]{1,30})_(\d{1,6})>")


class Redactor:
    """Replaces e-mail addresses, telephone, card and account numbers, IP addresses, keys, passwords, and given names.

    >>> redactor = Redactor(known_names=["Ada Lovelace"])
    >>> redactor.texts(["Ada Lovelace <ada@example.org>", "Write to ADA@example.org"])
    ['<NAME_1> <<EMAIL_1>>', 'Write to <EMAIL_1>']
    >>> dict(redactor.counts)
    {'EMAIL': 1, 'NAME': 1}

    Args:
        known_names: people, companies, products to be replaced wherever they stand as whole words.
        hooks: called with every text after the patterns, by name.
        patterns: False: the names and hooks alone.
    """

    def __init__(
        self,
        known_names: Sequence[str] = (),
        hooks: Sequence[tuple[str, Hook]] = (),
        *,
        patterns: bool = True,
    ) -> None:
        self._kinds: tuple[Kind, ...] = (*(KINDS if patterns else ()), names(known_names))
        self._hooks = tuple(hooks)
        self.counts: Counter[str] = Counter()
        """Different values replaced in all cases so far, by kind; texts changed, by name of a hook."""

    def texts(self, given: Sequence[str]) -> list[str]:
        """The texts of one case without private data; what is the same in them has the same placeholder.

        Raises:
            ConfigurationError: a hook raised, or returned no text.
        """
        return self.case(given)[0]

    def case(self, given: Sequence[str]) -> tuple[list[str], dict[str, int]]:
        """The same, and how many different values of each kind were replaced in it."""
        places: dict[tuple[str, str], str] = {}
        last: Counter[str] = Counter()
        for text in given:
            for kind, number in _PLACEHOLDER.findall(text):
                last[kind] = max(last[kind], int(number))  # what an earlier run replaced keeps its numbers

        def placeholder(kind: Kind, value: str) -> str:
            key = kind.name, kind.key(value)
            if key not in places:
                last[kind.name] += 1
                places[key] = f"<{kind.name}_{last[kind.name]}>"
            return places[key]

        redacted = [self._replaced(text, placeholder) for text in given]
        counts = Counter(kind for kind, _ in places)
        for name, function in self._hooks:
            after = [_hooked(name, function, text) for text in redacted]
            changed = sum(a != b for a, b in zip(after, redacted, strict=True))
            if changed:
                counts[name] += changed
            redacted = after
        self.counts += counts
        return redacted, {kind: counts[kind] for kind in sorted(counts)}

    def _replaced(self, text: str, placeholder: Callable[[Kind, str], str]) -> str:
        found: list[tuple[int, int, str]] = []
        plain = text.translate(PLAIN)
        hidden = _hidden(plain, [match.span() for match in _PLACEHOLDER.finditer(text)])
        for kind in self._kinds:
            spans = _apart(kind.find(hidden))
            found += [(start, end, placeholder(kind, plain[start:end])) for start, end in spans]
            hidden = _hidden(hidden, spans)
        pieces: list[str] = []
        at = 0
        for start, end, replacement in sorted(found):
            pieces += [text[at:start], replacement]
            at = end
        return "".join([*pieces, text[at:]])


def _apart(spans: Iterable[Found]) -> list[Found]:
    """In order; what overlaps is one."""
    apart: list[Found] = []
    for start, end in sorted(spans):
        if apart and start < apart[-1][1]:
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        elif start < end:
            apart.append((start, end))
    return apart


def _hidden(text: str, spans: Iterable[Found]) -> str:
    """The same length, with nothing in these places that a pattern would find."""
    pieces: list[str] = []
    at = 0
    for start, end in spans:
        pieces += [text[at:start], "\0" * (end - start)]
        at = end
    return "".join([*pieces, text[at:]])


def _hooked(name: str, function: Hook, text: str) -> str:
    try:
        result: Any = function(text)
    except Exception as error:
        raise ConfigurationError(
            f"--redact {name} broke: {type(error).__name__}: {error}; nothing was written"
        ) from error
    if not isinstance(result, str):
        raise ConfigurationError(f"--redact {name} must return text, it returned {type(result).__name__}")
    return result


def hook(spelling: str) -> Hook:
    """The function at `package.module:function`.

    Raises:
        ConfigurationError: there is none, or it cannot be imported.
    """
    module_name, colon, path = spelling.partition(":")
    if not colon or not all(step.isidentifier() for step in [*module_name.split("."), *path.split(".")]):
        raise ConfigurationError(f"--redact {spelling}: write package.module:function")
    try:
        found: Any = import_module(module_name)
        for step in path.split("."):
            found = getattr(found, step)
    except Exception as error:
        raise ConfigurationError(f"--redact {spelling} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ConfigurationError(f"--redact {spelling} is no function")
    return found  # type: ignore[no-any-return]
