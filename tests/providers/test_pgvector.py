"""pgvector: which statements are retrievals, and what is read out of them. No server is needed for that."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from groundwire.model import Document
from groundwire_instrumentation import _vector_sql
from groundwire_instrumentation.pgvector import PROVIDER

OPERATION = PROVIDER.operations[0]
CURSOR = SimpleNamespace(connection=SimpleNamespace(info=SimpleNamespace(host="db", port=5432)))


def retrieves(query: Any) -> bool:
    assert OPERATION.applies is not None
    return OPERATION.applies({"query": query})


@pytest.mark.parametrize("operator", ["<->", "<=>", "<#>", "<+>", "<~>", "<%>"])
def test_a_statement_that_orders_by_a_vector_operator_is_a_retrieval(operator: str) -> None:
    assert retrieves(f"SELECT text FROM docs\nORDER  BY embedding {operator} %s LIMIT 5")
    assert retrieves(f"select text, embedding {operator} %s as d from docs order by d".encode())


@pytest.mark.parametrize(
    "query",
    [
        "-- nearest\n/* of all */ (select * from docs order by e <-> %s limit 3)",
        "with near as (select id, e <=> %s as d from docs) select * from near order by d limit 3",
        "select id, 1 - (e <=> %s) as s from docs where e <=> %s < 1 order by s desc limit 3",
        "select id from docs where ST_DWithin(place, %s::geography, 9) order by e <-> %s::vector limit 3",
    ],
)
def test_so_are_those_that_are_longer(query: str) -> None:
    assert retrieves(query)


@pytest.mark.parametrize("part", ["<-> ", "<-> '", "order by ", "from ", "/* ", "-- ", "( ", "select <-> from "])
def test_a_statement_is_judged_at_once_however_long_it_is(part: str) -> None:
    started = time.perf_counter()
    retrieves(part * 20_000)
    retrieves("select " + part * 20_000)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "query",
    [
        "select * from docs order by page",
        "select * from docs where embedding <-> %s < 1",
        "insert into docs values (%s)",
        "select a - b > c from docs order by 1",
        "select embedding <-> %s from docs limit 3",
        "insert into docs select * from docs order by e <-> %s",
        "explain select * from docs order by e <-> %s",
        "select * from shapes order by shape <-> ST_MakePoint(1, 1) limit 5",
        "select * from shapes order by shape <-> %s::geometry limit 5",
        "select * from shapes order by shape <-> %(here)s::geography limit 5",
        "select * from shapes order by shape <-> 'POINT(1 1)'::geometry limit 5",
        "",
    ],
)
def test_other_statements_are_none(query: str) -> None:
    assert not retrieves(query)


@pytest.mark.parametrize(
    ("statement", "params", "top_k"),
    [
        ("select 1 from docs order by e <-> %s limit 7", ["q"], 7),
        ("select 1 from docs order by e <-> %s limit %s", ("q", 7), 7),
        ("select 1 from docs order by e <-> %s limit %b offset %s", ("q", 7, 1), 7),
        ("select 1 from docs order by e <-> %(q)s limit %(k)s::int", {"q": "q", "k": 7}, 7),
        ("select 1 from docs order by e <-> $2 limit $1", [7, "q"], 7),
        ("select 1 from docs order by e <-> %s limit %(k)s", ["q"], None),
        ("select 1 from docs order by e <-> %s", ["q"], None),
        ("select 1 from docs order by e <-> %s limit all", None, None),
        ("with n as (select 1 from docs order by e <-> %s limit 50) select 1 from n limit %s", ("q", 7), 7),
    ],
)
def test_the_limit_is_read_from_the_statement_or_its_parameters(statement: str, params: Any, top_k: int | None) -> None:
    assert OPERATION.request(CURSOR, {"query": statement, "params": params}).top_k == top_k


def test_the_table_is_the_data_source() -> None:
    request = OPERATION.request(CURSOR, {"query": 'SELECT * FROM "my"."docs" d ORDER BY d.e <=> %s'})
    assert (request.data_source, request.server_address, request.server_port) == ("my.docs", "db", 5432)


# --- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "row", "document"),
    [
        (["id", "content", "dist"], [1, "A b.", 0.5], Document("A b.", "1", 0.5)),
        (["docs_id", "docs_content", "distance"], [1, "A b.", 0.5], Document("A b.", "1", 0.5)),
        (["doc_id", "content"], [1, "A b."], Document("A b.", "1")),
        (["id", "doc_id", "doc_title", "text"], [1, 2, "T", "A b."],
         Document("A b.", "1", None, {"doc_id": 2, "doc_title": "T"})),
        (["text", "sparse", "dense"], ["A b.", "{1:1,3:2}/5", "[1,-2e-3]"], Document("A b.")),
    ],
)  # fmt: skip
def test_columns_are_read_by_their_names(names: list[str], row: list[Any], document: Document) -> None:
    assert _vector_sql.rows(names, [row]).documents == [document]


def test_no_more_rows_are_listed_than_a_span_should_have() -> None:
    assert len(_vector_sql.rows(["text"], [["A b."]] * 5000).documents or ()) == _vector_sql.MOST
