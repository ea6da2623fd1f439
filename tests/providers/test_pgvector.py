"""pgvector: which statements are retrievals, and what is read out of them. No server is needed for that."""

import time
import tracemalloc
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


@pytest.mark.parametrize("operator", ["<->", "<=>", "<#>", "<+>", "<~>", "<%>", "<%%>", "operator(public.<=>)"])
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
        "select id, place <-> ST_MakePoint(1, 1) as km from docs order by e <=> %s limit 3",
        "set local hnsw.ef_search = 100; select id from docs order by e <=> %s limit 3",
        "SELECT id FROM docs ORDER BY COSINE_DISTANCE(e, %s) LIMIT 3",
        "select id, inner_product (e, %s) as p from docs order by p desc limit 3",
        "select id, rank() over (order by l1_distance(e, %s)) from docs limit 3",
    ],
)
def test_so_are_those_that_are_longer(query: str) -> None:
    assert retrieves(query)


@pytest.mark.parametrize(
    "part",
    ["<-> ", "<-> '", "order by ", "from ", "/* ", "-- ", "( ", "set ", "extract(", 'from "', "select <-> from "],
)
def test_a_statement_is_judged_at_once_however_long_it_is(part: str) -> None:
    started = time.perf_counter()
    for statement in (part * 20_000, "select " + part * 20_000):
        OPERATION.request(CURSOR, {"query": statement, "params": ()})
        retrieves(statement)
    assert time.perf_counter() - started < 1


def test_values_that_are_composed_into_a_statement_are_not_read() -> None:
    class Literal:
        def __init__(self, value: Any) -> None:
            self._obj = value

        def __repr__(self) -> str:
            raise AssertionError

    class Composed(Literal):
        pass

    class SQL(Literal):
        pass

    near = [SQL("select id from docs order by e <=> "), Literal([0.5] * 1536), SQL(" limit "), Literal(3)]
    assert retrieves(Composed(near))
    assert OPERATION.request(CURSOR, {"query": Composed(near)}).top_k == 3
    assert not retrieves(Composed([SQL("select id from docs where text = "), Literal("a order by e <=> b")]))


def test_long_statements_are_not_kept() -> None:
    tracemalloc.start()
    try:
        for number in range(100):
            values = f"/* {number} */ select '{'x' * 100_000}' from docs order by e <-> %s limit 3"
            assert retrieves(values)
            assert OPERATION.request(CURSOR, {"query": values}).top_k == 3
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()


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
        "select * from shapes order by shape <-> point(1, 1) limit 5",
        "select cosine_distance from runs order by cosine_distance",
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
        ("select 1 from docs where a like '%%s' order by e <-> %s limit %s", ("q", 7), 7),
        ("select 1 from docs order by e <-> %s fetch first %s rows only", ("q", 7), 7),
        ("select 1 from docs order by e <-> %s limit %s", ("q",), None),
        ("select 1 from docs order by e <-> %s limit %s", ("q", "many"), None),
        ("with n as (select 1 from docs order by e <-> %s limit 50) select 1 from n limit %s", ("q", 7), 7),
    ],
)
def test_the_limit_is_read_from_the_statement_or_its_parameters(statement: str, params: Any, top_k: int | None) -> None:
    assert OPERATION.request(CURSOR, {"query": statement, "params": params}).top_k == top_k


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ('SELECT * FROM "my"."docs" d ORDER BY d.e <=> %s', "my.docs"),
        ('select * from "My Docs" order by e <=> %s', "My Docs"),
        ("select extract(year from made), a is distinct from b from only docs order by e <=> %s", "docs"),
    ],
)
def test_the_table_is_the_data_source(statement: str, table: str) -> None:
    request = OPERATION.request(CURSOR, {"query": statement})
    assert (request.data_source, request.server_address, request.server_port) == (table, "db", 5432)


# --- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "row", "document"),
    [
        (["id", "content", "dist"], [1, "A b.", 0.5], Document("A b.", "1", 0.5)),
        (["docs_id", "docs_content", "distance"], [1, "A b.", 0.5], Document("A b.", "1", 0.5)),
        (["doc_id", "content"], [1, "A b."], Document("A b.", "1")),
        (["langchain_id", "content"], ["7", "A b."], Document("A b.", "7")),
        (["id", "doc_id", "doc_title", "text"], [1, 2, "T", "A b."],
         Document("A b.", "1", None, {"doc_id": 2, "doc_title": "T"})),
        (["id", "embedding", "text", "embedding"], [1, "[1,2]", "A b.", "[1,2]"], Document("A b.", "1")),
        (["l_uuid", "l_col_id", "l_document", "distance"], ["7", 2, "A b.", 0.5],
         Document("A b.", "7", 0.5, {"col_id": 2})),
        (["id", "text", "?column?"], [1, "A b.", 0.5], Document("A b.", "1", 0.5)),
        (["id", "text", "l2_distance_1"], [1, "A b.", 0.5], Document("A b.", "1", 0.5)),
        (["id", "text", "anon_1"], [1, "A b.", 5], Document("A b.", "1", None, {"anon_1": 5})),
        (["text", "sparse", "dense"],
         ["A b.", "{" + "1:0.5," * 999 + "9:1}/5", "[" + "0.5," * 999 + "1]"], Document("A b.")),
        (["text", "sparse", "dense"], ["A b.", "{1:1,3:2}/5", "[1,-2e-3]"], Document("A b.")),
    ],
)  # fmt: skip
def test_columns_are_read_by_their_names(names: list[str], row: list[Any], document: Document) -> None:
    assert _vector_sql.rows(names, [row]).documents == [document]


def test_a_text_that_looks_like_a_vector_is_one_in_a_column_of_them_alone() -> None:
    told = _vector_sql.rows(["text", "embedding"], [["A b.", None], ["[1]", "[1,2]"]])
    assert told.documents == [Document("A b.", None, None, {"embedding": None}), Document("[1]")]


def test_no_more_rows_are_listed_than_a_span_should_have() -> None:
    assert len(_vector_sql.rows(["text"], [["A b."]] * 5000).documents or ()) == _vector_sql.MOST


def test_a_number_that_the_rows_are_not_in_the_order_of_is_no_distance() -> None:
    told = _vector_sql.rows(["id", "bm25_score", "rrf_score"], [[1, 0.1, 0.9], [2, 0.7, 0.8], [3, 0.2, 0.3]])
    assert told.documents == [
        Document(None, str(n), score, {"bm25_score": other})
        for n, other, score in ((1, 0.1, 0.9), (2, 0.7, 0.8), (3, 0.2, 0.3))
    ]
    assert told.higher_is_better is True


def test_a_text_that_begins_like_a_vector_is_told_from_one_at_once() -> None:
    started = time.perf_counter()
    text = "{" + "1:111" * 5_000
    assert _vector_sql.rows(["text"], [[text], ["[" + "1," * 50_000]]).documents == [
        Document(text),
        Document("[" + "1," * 50_000),
    ]
    assert time.perf_counter() - started < 1
