"""Statements of SQL that order by an operator of pgvector, and the rows that they give: for every driver."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groundwire.documents import from_row, scores_descend
from groundwire.model import Request, Response

_OPERATOR = re.compile(r"<->|<=>|<#>|<\+>|<~>|<%>")
_READS = re.compile(r"\s*+(?:(?:--[^\n]*+|/\*.*?\*/|\()\s*+)*+(?:select|with)\b", re.IGNORECASE | re.DOTALL)
_ORDER = re.compile(r"\border\s++by\b", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\b", re.IGNORECASE)
_PLACES = re.compile(
    r"<->\s*+(?:st_\w++\(|(?:'[^']*+'|[%$]\w*+(?:\(\w++\)\w)?)\s*+::\s*+geo(?:metry|graphy)\b)", re.IGNORECASE
)
"""PostGIS, whose operator looks the same."""
_TABLE = re.compile(r"\bfrom\s+([\w.\"]+)", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit\s+(?:(\d+)|%\((\w+)\)\w|(%[sbt]|\$\d+))", re.IGNORECASE)
_VECTOR = re.compile(r"\[[-+\d.,eE\s]*\]|\{(?:\d+:[-+\d.eE]+,?)*\}/\d+")
_SCORES = ("distance", "dist", "score", "similarity", "_distance", "_score")
MOST = 1000
"""Rows that one span lists."""


def written(query: Any) -> str:
    """A statement as text: bytes, or composed by `psycopg.sql` or `psycopg2.sql`, which need a connection for that."""
    if isinstance(query, bytes):
        return query.decode("utf-8", "replace")
    kind, inner = type(query).__name__, getattr(query, "_wrapped", getattr(query, "_obj", None))
    if kind == "Composed":
        return "".join(map(written, inner or ()))
    if kind == "Identifier":
        return ".".join(inner or ())
    if kind == "Placeholder":
        return f"%({inner})s" if inner else "%s"
    if kind == "Literal":
        return repr(inner)
    if kind == "SQL":
        return str(inner)
    return str(query.as_string(None) if hasattr(query, "as_string") else query)  # a template


def orders(statement: str) -> bool:
    """Whether a statement is a search: it orders by an operator, or by what an operator gave among what it selects."""
    first = _OPERATOR.search(statement)  # which most statements lack
    if first is None or _READS.match(statement) is None:
        return False
    ordered = _ORDER.search(statement)
    if ordered is None or _PLACES.search(statement):
        return False
    if _OPERATOR.search(statement, ordered.end()):
        return True
    source = _FROM.search(statement, first.end())
    return source is not None and _ORDER.search(statement, source.end()) is not None


def search(statement: str, params: Any, address: str | None, port: int | None) -> Request:
    """What a statement asks for, with its parameters by name or by place."""
    table = _TABLE.search(statement)
    return Request(
        top_k=_limit(statement, params),
        data_source=table and table[1].replace('"', ""),
        server_address=address,
        server_port=port,
        provider="pgvector",
    )


def _limit(statement: str, params: Any) -> int | None:
    """The number after the last LIMIT: written out, a named parameter, or the one at that place."""
    limits = list(_LIMIT.finditer(statement))
    if not limits:
        return None
    found = limits[-1]
    value: Any = found[1]
    if found[2] and isinstance(params, Mapping):
        value = params.get(found[2])
    elif found[3] and isinstance(params, Sequence):
        before = re.findall(r"%[sbt]", statement[: found.start()])
        value = params[int(found[3][1:]) - 1 if found[3][0] == "$" else len(before)]
    return None if value is None else int(value)


def rows(names: Sequence[str], values: Iterable[Sequence[Any]]) -> Response:
    """Documents of rows, best first: their columns by name, of which one may be the distance; vectors are left out."""
    names = _unlabelled(names)
    score = next((name for name in _SCORES if name in names), None)
    documents = [
        from_row({k: v for k, v in row.items() if k != score and not _is_vector(v)}, None, row.get(score or ""))
        for row, _ in zip((dict(zip(names, row, strict=True)) for row in values), range(MOST), strict=False)
    ]
    return Response(documents=documents, higher_is_better=scores_descend(documents))


def _unlabelled(names: Sequence[str]) -> Sequence[str]:
    """Names of columns without that of their table, which SQLAlchemy's older queries put before them."""
    table = next((name[:-2] for name in names if name.endswith("_id")), None)
    if table is None or sum(name.startswith(table) for name in names) < 2:
        return names
    bare = [name.removeprefix(table) for name in names]
    return bare if len(set(bare)) == len(names) else names


def _is_vector(value: Any) -> bool:
    """Whether it is pgvector's: text where its types are not registered, else an object of its own."""
    if isinstance(value, str):
        return _VECTOR.fullmatch(value) is not None
    return type(value).__name__ in ("Vector", "HalfVector", "SparseVector")
