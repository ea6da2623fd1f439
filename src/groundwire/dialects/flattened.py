"""Lists that an SDK has spread over attributes: `retrieval.documents.0.document.content`, `gen_ai.prompt.1.role`."""

from collections.abc import Mapping
from typing import Any

from groundwire.dialects.chat_messages import from_json


def rows(attributes: Mapping[str, Any], prefix: str) -> list[Any]:
    """The entries of the list called `prefix`, in the order of their numbers, which need not begin at 0 or be dense.

    An entry is an object of objects (`{"document": {"content": ...}}`), or a plain value. A list that stands whole
    under `prefix` itself, as structure or as JSON text, with or without dots in its keys, gives the same.
    """
    start = prefix + "."
    tree: dict[str, Any] = {}
    for key in attributes:
        if key.startswith(start):
            value = attributes[key]
            _put(tree, key[len(start) :].split("."), value if isinstance(value, _PLAIN) else nested(value))
    if tree:
        return listed(tree)
    whole = attributes.get(prefix)
    if whole is None:
        return []
    whole = from_json(whole)
    return [nested(entry) for entry in whole] if isinstance(whole, list | tuple) else []


def listed(node: Any) -> list[Any]:
    """A list in such an entry: itself, or the values of an object whose keys are numbers."""
    node = from_json(node)
    if isinstance(node, list | tuple):
        return list(node)
    if not isinstance(node, Mapping):
        return []
    numbered = [(int(key), value) for key, value in node.items() if key.isascii() and key.isdigit() and len(key) < 10]
    return [value for _, value in sorted(numbered, key=lambda pair: pair[0])]


def nested(entry: Any, depth: int = 0) -> Any:
    """A copy in which an object with dots in its keys is an object of objects. What is very deep is left as it is."""
    if depth > _DEEPEST:
        return entry
    if isinstance(entry, list | tuple):
        return [nested(one, depth + 1) for one in entry]
    if not isinstance(entry, Mapping):
        return entry
    tree: dict[str, Any] = {}
    for key, value in entry.items():
        _put(tree, str(key).split("."), nested(value, depth + 1))
    return tree


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value where its path leads. One that leads through a plain value has no place."""
    if len(path) > _DEEPEST:
        return
    for name in path[:-1]:
        below = tree.setdefault(name, {})
        if not isinstance(below, dict):
            return
        tree = below
    there = tree.get(path[-1])
    if isinstance(there, dict) and isinstance(value, Mapping):
        there.update(value)
    elif there is None:
        tree[path[-1]] = value


_DEEPEST = 20
_PLAIN = (str, int, float)
