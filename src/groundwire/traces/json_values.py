"""One JSON value at a time: what some bytes say, or why they say nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parsed:
    """One document."""

    line: int | None
    """Where it began, from 1; None where it lay over many lines."""
    value: Any


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that is no JSON."""

    line: int
    reason: str


def concatenated(text: str) -> Iterator[Any]:
    """JSON documents that follow one another, with or without white space between them.

    Raises:
        ValueError: one of them is no JSON.
    """
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        document, at = decoder.raw_decode(text, at)
        yield document


def parsed(line: bytes) -> Any:
    """The JSON value of some bytes; None where it is none (`null` says as little)."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def why_not_json(line: bytes) -> str:
    """Why `parsed` gave None."""
    try:
        json.loads(line)
    except UnicodeDecodeError:
        return "not UTF-8"
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        return "half a line: the JSON breaks off" if cut else f"no JSON: {error.msg} at column {error.colno}"
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return f"no JSON: {error}"
    return "null is no trace"
