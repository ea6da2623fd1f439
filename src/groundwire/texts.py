"""What the numbers of an index stand for: faiss, and BM25 without its corpus, know places and no texts."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from groundwire.documents import as_documents, passage
from groundwire.errors import ConfigurationError
from groundwire.model import Document

T = TypeVar("T")
MOST = 1000
"""Hits of several queries that one span lists: jobs search with a million of them in one call."""


@dataclass(frozen=True, slots=True)
class _Texts:
    index: "weakref.ref[Any]"
    texts: Any
    name: str | None


_known: dict[int, _Texts] = {}
"""By id of the index, for as long as the index lives."""


def texts_for(index: T, texts: Any, *, name: str | None = None) -> T:
    """Say which texts an index finds, so that its retrievals carry them.

        index = groundwire.texts_for(faiss.read_index("docs.faiss"), texts, name="docs")

    Args:
        index: a faiss index, a bm25s index: what `search` or `retrieve` is called on.
        texts: a list in the order of the index, or a mapping from its ids (numbers, or the same as text). Each is a
            text, a `Document`, or a mapping that holds a text. It is kept as it is, not copied: what is added to it
            later is found. An id that it lacks is a document without a text.
        name: of the index, for `gen_ai.data_source.id`; its collection, so to say.

    Returns:
        The index itself.

    Raises:
        ConfigurationError: `texts` cannot be looked up in, or the index cannot be held weakly.
    """
    if isinstance(texts, str | bytes) or not hasattr(texts, "__getitem__"):
        found = type(texts).__name__
        raise ConfigurationError(f"texts_for() takes a list of texts or a mapping from ids to texts, not {found}")
    identity = id(index)
    try:
        held = weakref.ref(index, lambda dead: _forget(identity, dead))
    except TypeError:
        raise ConfigurationError(f"texts_for() takes an index, not {type(index).__name__}") from None
    _known[identity] = _Texts(held, texts, name)
    return index


def _forget(identity: int, dead: Any) -> None:
    known = _known.get(identity)
    if known is not None and known.index is dead:  # not of another index, made since at the same place
        _known.pop(identity, None)


def listed(hits: int) -> int:
    """Of how many queries a span lists the hits, where each has that many: at least of one."""
    return max(1, MOST // max(1, hits))


def name_of(index: Any) -> str | None:
    """The name that `texts_for` gave the index."""
    known = _known.get(id(index))
    return None if known is None else known.name


def document_at(index: Any, number: int, score: float | None = None) -> Document:
    """The document that a number of the index stands for; without a text where nobody told it."""
    identity = str(number)
    known = _known.get(id(index))
    value = None if known is None else _look_up(known.texts, number, identity)
    if value is None:
        return Document(id=identity, score=score)
    if isinstance(value, str):
        return Document(value, identity, score)
    if isinstance(value, Mapping):
        text, rest = passage({key: entry for key, entry in value.items() if key != "id"})
        own = value.get("id")
        return Document(text, identity if own is None else str(own), score, rest)
    found = next(iter(as_documents([value])), Document())
    return replace(found, id=found.id or identity, score=score)


def _look_up(texts: Any, number: int, identity: str) -> Any:
    for key in (number, identity) if isinstance(texts, Mapping) else (number,):
        try:
            return texts[key]
        except (LookupError, TypeError):
            continue
    return None
