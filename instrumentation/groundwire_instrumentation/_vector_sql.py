"""Statements of SQL that order by an operator of pgvector, and the rows that they give: for every driver."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from groundwire.documents import from_row, scores_descend
from groundwire.model import Document, Request, Response

_PLACES = r"(?!\s*+(?:st_\w++\(|point\b|(?:'[^']*+'|[%$]\w*+(?:\(\w++\)\w)?)\s*+::\s*+(?:geo(?:metry|graphy)|point)\b))"
"""Those of geometry, whose operator looks the same."""
_FUNCTIONS = ("cosine_distance", "l2_distance", "l1_distance", "inner_product", "hamming_distance", "jaccard_distance")
_CALLS = (rf"{name}\s*+\(" for name in _FUNCTIONS)
_OPERATOR = re.compile("|".join((rf"<->{_PLACES}", "<=>", "<#>", r"<\+>", "<~>", "<%%?>", *_CALLS)))
"""Operators, of which drivers want `%` twice, and functions; in a statement in lower case."""
_READS = re.compile(
    r"\s*+(?:(?:--[^\n]*+|/\*.*?\*/|\(|set\b[^;]*+;)\s*+)*+(?:select|with)\b", re.DOTALL | re.IGNORECASE
)
_ORDER = re.compile(r"\border\s++by\b")
_FROM = re.compile(r"\bfrom\b")
_TABLE = re.compile(
    r"\bdistinct\s++from\b|\b(?:extract|substring|overlay|trim)\s*+\([^()]*+"
    r"|\bfrom\s++(?:only\s++)?((?:\"[^\"]++\"|[\w$]++)(?:\.(?:\"[^\"]++\"|[\w$]++))*+)",
    re.IGNORECASE,
)
"""What else is written with FROM, or the table that is read."""
_LIMIT = re.compile(r"\b(?:limit|fetch\s++(?:first|next))\s++(?:(\d+)|%\((\w+)\)\w|(%[sbt]|\$\d+))", re.IGNORECASE)
_VECTOR = re.compile(r"\[[-+\d.,eE\s]*+\]|\{[-+\d.,eE:]*+\}/\d++")
_VECTORS = frozenset({"Vector", "HalfVector", "SparseVector"})
_SCORES = ("distance", "dist", "score", "similarity", "_distance", "_score")
_LIKELY = re.compile(r"\?column\?|anon_\d+|(?:\w+_)?(?:d|dist|distance|sim|similarity|score|product)(?:_\d+)?")
"""Other names that a distance may have: PostgreSQL's and SQLAlchemy's own among them, where it was given none."""
MOST = 1000
"""Rows that one span lists."""
LONG = 4096
"""Characters of a statement that is not kept in memory."""
_Told = TypeVar("_Told")


def written(query: Any) -> str:
    """A statement as text: bytes, or composed by `psycopg.sql` or `psycopg2.sql`, which need a connection for that."""
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode("utf-8", "replace")
    kind, inner = type(query).__name__, getattr(query, "_wrapped", getattr(query, "_obj", None))
    if kind == "Composed":
        return "".join(map(written, inner or ()))
    if kind == "Identifier":
        return ".".join(f'"{part}"' for part in inner or ())
    if kind == "Placeholder":
        return f"%({inner})s" if inner else "%s"
    if kind == "Literal":
        return str(inner) if isinstance(inner, int) else "''"  # a vector takes long to write
    if kind == "SQL":
        return str(inner)
    return str(query.as_string(None))  # a template


def _remembered(judge: Callable[[str], _Told]) -> Callable[[str], _Told]:
    """What is told of a statement, once; of long ones, which hold their values, each time: they are not kept."""
    known = lru_cache(maxsize=64)(judge)
    return lambda statement: known(statement) if len(statement) <= LONG else judge(statement)


@_remembered
def orders(statement: str) -> bool:
    """Whether a statement is a search: it orders by an operator, or by what an operator gave among what it selects."""
    if _READS.match(statement) is None:
        return False
    statement = statement.lower()
    first = _OPERATOR.search(statement)
    ordered = _ORDER.search(statement) if first is not None else None
    if first is None or ordered is None:
        return False
    if _OPERATOR.search(statement, ordered.end()):
        return True
    source = _FROM.search(statement, first.end())
    return source is not None and _ORDER.search(statement, source.end()) is not None


def search(
    statement: str, params: Any, address: str | None, port: int | None, read: Callable[[Any], Response] | None = None
) -> Request:
    """What a statement asks for, with its parameters by name or by place."""
    table, number, name, place = _asked(statement)
    return Request(
        top_k=_limit(number, name, place, params),
        data_source=table,
        server_address=address,
        server_port=port,
        provider="pgvector",
        read=read,
    )


@_remembered
def _asked(statement: str) -> tuple[str | None, str | None, str | None, int | None]:
    """The table, and what stands after the last LIMIT: a number, a parameter's name, or its place."""
    table = next((found[1] for found in _TABLE.finditer(statement) if found[1]), None)
    table = None if table is None else table.replace('"', "")
    limits = list(_LIMIT.finditer(statement))
    if not limits:
        return table, None, None, None
    number, name, place = limits[-1].groups()
    if place is None:
        return table, number, name, None
    if place[0] == "$":
        return table, None, None, int(place[1:]) - 1
    before = re.findall(r"%[%sbt]", statement[: limits[-1].start()])
    return table, None, None, len(before) - before.count("%%")


def _limit(number: str | None, name: str | None, place: int | None, params: Any) -> int | None:
    value: Any = number
    try:
        if name is not None or place is not None:
            value = params[name if place is None else place]
        return None if value is None else int(value)
    except (LookupError, TypeError, ValueError):  # the driver will say it
        return None


def rows(names: Sequence[str], values: Iterable[Sequence[Any]]) -> Response:
    """Documents of rows, best first: their columns by name, of which one may be the distance; vectors are left out."""
    listed = list(islice(values, MOST))
    names = _unlabelled(names)
    score = _score_column(names, listed)
    # A column is of one type: one text that looks like a vector does not make it one of vectors.
    vectors = [name for place, name in enumerate(names) if _is_vector(_first(listed, place))]
    documents: list[Document] = []
    for row in listed:
        fields = dict(zip(names, row, strict=True))
        distance = None if score is None else fields.pop(score)
        for name in vectors:
            if _is_vector(fields.get(name)):
                del fields[name]
        documents.append(from_row(fields, None, distance))
    return Response(documents=documents, higher_is_better=scores_descend(documents))


def _first(listed: Sequence[Sequence[Any]], place: int) -> Any:
    """What the first row that has something there has there."""
    for row in listed:
        if row[place] is not None:
            return row[place]
    return None


def _score_column(names: Sequence[str], listed: Sequence[Sequence[Any]]) -> str | None:
    """The column that holds the distance: by its name, or by one that is likely and by the rows' being in its order."""
    if (named := next((name for name in _SCORES if name in names), None)) is not None:
        return named
    for place, name in enumerate(names):
        if _LIKELY.fullmatch(name) is not None and names.count(name) == 1:
            held = [row[place] for row in listed]
            if held and all(type(value) is float for value in held) and sorted(held) in (held, held[::-1]):
                return name
    return None


def _unlabelled(names: Sequence[str]) -> Sequence[str]:
    """Names of columns without that of their table, which SQLAlchemy's older queries put before them."""
    for key in ("_id", "_uuid"):
        for name in names:
            table = name.removesuffix(key[1:])
            if name.endswith(key) and sum(other.startswith(table) for other in names) > 1:
                bare = [other.removeprefix(table) for other in names]
                return bare if len(set(bare)) == len(names) else names
    return names


def _is_vector(value: Any) -> bool:
    """Whether it is pgvector's: text where its types are not registered, else an object of its own."""
    if type(value) is str:
        if value[:1] not in ("[", "{"):
            return False
        return _VECTOR.fullmatch(value if len(value) < 200 else value[:100] + value[-100:]) is not None
    return type(value).__name__ in _VECTORS
