"""An endpoint that fails in every way: a clear error or a reason, in bounded time, never a made-up score."""

import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from groundwire.errors import JudgeError
from groundwire.judge import Judge
from groundwire.judge.transport import TimedOut
from groundwire.judge.waiting import retry_after
from groundwire.model import Passage, RagChain, Score, Skipped
from judge.server import Answer, Asked, Drip, Hang, JudgeServer, Mind, Raw, Reset, Says, error, honest, refusing, row

KEY = "sk-secret-0123456789"
CHAIN = RagChain(
    "How tall?", (Passage("The tower is 330 metres tall. It stands in Paris."),),
    "The tower is 330 metres tall. It stands in Paris.",
)  # fmt: skip
GOOD = [row(1, quote="330 metres tall"), row(2, quote="It stands in Paris")]


def judge(server: JudgeServer, **settings: Any) -> Judge:
    return Judge("test-model", **{"base_url": server.url, "api_key": KEY, "retries": 1, "timeout_s": 10, **settings})


def text(rows: list[dict[str, Any]]) -> str:
    return json.dumps({"sentences": rows})


# --- replies that are mended once ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        Says("I am sorry, I cannot do that."),
        Says(""),
        Says("null"),
        Says("[1, 2]"),
        Says("{}"),
        Says('{"sentences": "both supported"}'),
        Says('{"sentences": []}'),
        Says('{"sentences": [7, null, "x", {"verdict": "supported"}]}'),
        Says(text([row(1, "true", quote="330 metres tall")])),
        Says(text([row(7, quote="330 metres tall"), row(-1), row(0)])),
        Says("[" * 100_000),
        Says('{"a":' * 50_000),
        Says(text(GOOD)[:40], "length"),
        Says("", "length"),
        Says('{"sentences": [{"id": NaN, "verdict": Infinity}]}'),
    ],
    ids=lambda said: said.text[:30],
)
def test_a_reply_that_cannot_be_used_is_asked_for_once_more(first: Says) -> None:
    with JudgeServer(first, GOOD) as server:
        result = judge(server).evaluate(CHAIN)
        assert len(server.asked) == 2
        assert "could not be used" in server.asked[1].order
    assert isinstance(result, Score)
    assert result.value == 1.0
    assert result.usage is not None
    assert (result.usage.input_tokens, result.usage.output_tokens) == (2000, 400)


def test_a_reply_that_never_can_be_used_is_an_error() -> None:
    with JudgeServer(Says("no")) as server:
        with pytest.raises(JudgeError, match="no verdict that can be used"):
            judge(server).evaluate(CHAIN)
        assert len(server.asked) == 2


def test_only_what_is_open_is_asked_again() -> None:
    with JudgeServer([GOOD[0]], [GOOD[1]]) as server:
        result = judge(server).evaluate(CHAIN)
        assert "Judge sentences 2 again" in server.asked[1].order
    assert isinstance(result, Score)
    assert result.value == 1.0


def test_a_truncated_reply_keeps_its_whole_entries() -> None:
    cut = text(GOOD)[: text(GOOD).index('"id": 2') + 20]
    with JudgeServer(Says(cut, "length"), [GOOD[1]]) as server:
        result = judge(server).evaluate(CHAIN)
        assert "Judge sentences 2 again" in server.asked[1].order
        assert server.asked[1].body["max_tokens"] > server.asked[0].body["max_tokens"]
    assert isinstance(result, Score)
    assert result.value == 1.0


def test_a_sentence_left_without_a_verdict_is_not_supported_and_has_no_evidence() -> None:
    with JudgeServer([GOOD[0]]) as server:
        result = judge(server).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert (result.value, result.label) == (0.5, "unfaithful")
    assert len(result.evidence) == 1
    assert result.details["unjudged"] == 1.0
    assert result.explanation == "1 of 2 sentences supported; 1 without a verdict"


def test_an_incomplete_judgement_is_not_kept() -> None:
    with JudgeServer([GOOD[0]], [GOOD[0]], GOOD) as server:
        judge(server).evaluate(CHAIN)
        result = judge(server).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.value == 1.0


def test_a_repair_that_fails_leaves_what_the_first_reply_gave() -> None:
    with JudgeServer([GOOD[0]], Raw(500, {"error": {}})) as server:
        result = judge(server, retries=0).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.details["unjudged"] == 1.0


def test_of_two_verdicts_on_a_sentence_the_more_severe_one_holds() -> None:
    double = [*GOOD, row(2, "unsupported")]
    with JudgeServer(double) as server:
        result = judge(server).evaluate(CHAIN)
        assert len(server.asked) == 2
    assert isinstance(result, Score)
    assert [e.verdict for e in result.evidence] == ["supported", "unsupported"]


def test_a_sentence_judged_twice_alike_is_judged() -> None:
    with JudgeServer([*GOOD, GOOD[0]]) as server:
        result = judge(server).evaluate(CHAIN)
        assert len(server.asked) == 1
    assert isinstance(result, Score)
    assert result.value == 1.0


@pytest.mark.parametrize(
    "wrapped",
    [
        "```json\n{}\n```",
        "<think>First { I look at 1.</think>\n{}",
        "Here you are, with {braces}: {}",
        "\ufeff{}\n\nAnything else?",
    ],
)
def test_words_around_the_json_do_not_matter(wrapped: str) -> None:
    before, _, after = wrapped.rpartition("{}")
    with JudgeServer(Says(before + text(GOOD) + after)) as server:
        result = judge(server).evaluate(CHAIN)
        assert len(server.asked) == 1
    assert isinstance(result, Score)
    assert result.value == 1.0


def test_ids_as_text_and_verdicts_in_capitals_are_understood() -> None:
    rows = [{**r, "id": str(r["id"]), "verdict": r["verdict"].upper()} for r in GOOD]
    with JudgeServer(rows) as server:
        assert judge(server).evaluate(CHAIN).value == 1.0  # type: ignore[union-attr]


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        Says("", "content_filter"),
        Raw(200, {"choices": [{"message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"}]}),
        error(400, "filtered", code="content_filter"),
    ],
)
def test_a_judge_that_refuses_gives_a_reason_and_no_score(refusal: Answer) -> None:
    with JudgeServer(refusal) as server:
        result = judge(server).evaluate(CHAIN)
        assert len(server.asked) == 1
    assert isinstance(result, Skipped)
    assert result.reason == "judge_refused"


def test_a_context_that_is_too_long_for_the_judge_is_a_reason() -> None:
    message = "This model's maximum context length is 4096 tokens. You requested 9000 tokens."
    with JudgeServer(error(400, message, code="context_length_exceeded")) as server:
        result = judge(server).evaluate(CHAIN)
    assert isinstance(result, Skipped)
    assert result.reason == "too_long"


# --- options that an endpoint does not take --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["temperature", "seed", "max_tokens", "response_format"])
@pytest.mark.parametrize("status", [400, 422])
def test_what_is_refused_is_left_out_from_then_on(name: str, status: int) -> None:
    with JudgeServer(refusing(f'"{name}"', status=status)) as server:
        assert isinstance(judge(server, cache=False).evaluate(CHAIN), Score)
        first = len(server.asked)
        assert isinstance(judge(server, cache=False).evaluate(CHAIN), Score)
        assert len(server.asked) == first + 1
        assert name not in server.asked[-1].body


def test_without_schemas_any_json_is_asked_for() -> None:
    with JudgeServer(refusing("json_schema")) as server:
        assert isinstance(judge(server).evaluate(CHAIN), Score)
        assert [a.form for a in server.asked] == ["json_schema", "json_object"]


def test_a_reasoning_model_is_asked_without_what_it_refuses() -> None:
    minds = refusing('"temperature"', refusing('"max_tokens"', refusing('"seed"')))
    with JudgeServer(minds) as server:
        assert isinstance(judge(server).evaluate(CHAIN), Score)
        last = server.asked[-1].body
        assert last["max_completion_tokens"] > 0
        assert not {"temperature", "max_tokens", "seed"} & set(last)


def test_an_endpoint_that_refuses_everything_is_an_error_after_a_few_requests() -> None:
    with JudgeServer(error(400, "no")) as server:
        with pytest.raises(JudgeError, match="400: no"):
            judge(server).evaluate(CHAIN)
        assert len(server.asked) < 8


# --- overload --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_an_overloaded_endpoint_is_asked_again(status: int) -> None:
    with JudgeServer(Raw(status, b"busy"), GOOD) as server:
        assert isinstance(judge(server).evaluate(CHAIN), Score)
        assert len(server.asked) == 2


def test_an_error_behind_status_200_is_an_error() -> None:
    busy = Raw(200, {"error": {"code": 429, "message": "Rate limited upstream"}})
    with JudgeServer(busy, GOOD) as server:
        assert isinstance(judge(server).evaluate(CHAIN), Score)
    with JudgeServer(busy) as server, pytest.raises(JudgeError, match="429: Rate limited upstream"):
        judge(server, cache=False).evaluate(CHAIN)


def test_retries_end() -> None:
    with JudgeServer(error(500, "broken")) as server:
        with pytest.raises(JudgeError, match="500: broken; asked 3 times"):
            judge(server, retries=2).evaluate(CHAIN)
        assert len(server.asked) == 3


def test_retry_after_in_seconds_is_kept() -> None:
    with JudgeServer(error(429, "slow down", headers={"Retry-After": "0.4"}), GOOD) as server:
        started = time.monotonic()
        assert isinstance(judge(server).evaluate(CHAIN), Score)
        assert time.monotonic() - started >= 0.4


def test_retry_after_beyond_the_time_left_gives_up_at_once() -> None:
    with JudgeServer(error(429, "slow down", headers={"Retry-After": "30"})) as server:
        started = time.monotonic()
        with pytest.raises(JudgeError, match="busy"):
            judge(server, timeout_s=5).evaluate(CHAIN)
        assert time.monotonic() - started < 2


def test_retry_after_of_hours_is_not_waited() -> None:
    with (
        JudgeServer(error(429, "tomorrow", headers={"Retry-After": "7200"})) as server,
        pytest.raises(JudgeError, match="asks to wait 7200 s"),
    ):
        judge(server, timeout_s=1e6).evaluate(CHAIN)


def test_no_money_left_is_not_asked_again() -> None:
    with JudgeServer(error(429, "You exceeded your quota", code="insufficient_quota")) as server:
        with pytest.raises(JudgeError, match="quota"):
            judge(server).evaluate(CHAIN)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": format_datetime(datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC), usegmt=True)}, 30.0),
        ({"retry-after": format_datetime(datetime(2025, 1, 1, tzinfo=UTC), usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, datetime(2026, 1, 1, tzinfo=UTC)) == seconds


def test_retry_after_as_a_date_is_kept() -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    with JudgeServer(error(429, "slow", headers={"Retry-After": when}), GOOD) as server:
        started = time.monotonic()
        assert isinstance(judge(server).evaluate(CHAIN), Score)
        assert time.monotonic() - started >= 0.9


# --- hanging, breaking off -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mind", [Hang(), Drip("headers"), Drip("body")], ids=["hang", "headers", "body"])
def test_a_hanging_endpoint_is_given_up_on_in_time(mind: Answer) -> None:
    with JudgeServer(mind) as server:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            judge(server, timeout_s=0.6).evaluate(CHAIN)
        assert time.monotonic() - started < 2.0


def test_silence_is_limited_apart() -> None:
    with JudgeServer(Hang()) as server:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            judge(server, read_s=0.3, timeout_s=30).evaluate(CHAIN)
        assert time.monotonic() - started < 2.0
        assert len(server.asked) == 1


def test_a_connection_that_breaks_is_tried_again() -> None:
    with JudgeServer(Reset(), GOOD) as server:
        assert isinstance(judge(server).evaluate(CHAIN), Score)


def test_a_connection_that_always_breaks_is_an_error() -> None:
    with JudgeServer(Reset()) as server, pytest.raises(JudgeError, match="cannot be reached"):
        judge(server).evaluate(CHAIN)


def test_nobody_there_is_an_error() -> None:
    with JudgeServer() as server:
        url = server.url
    with pytest.raises(JudgeError, match="cannot be reached: ConnectError"):
        Judge("m", base_url=url, retries=0).evaluate(CHAIN)


# --- what is no answer -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 404, 403])
def test_a_web_page_is_an_error_that_says_so(status: int) -> None:
    page = Raw(status, b"<!doctype html><h1>Welcome</h1>", {"Content-Type": "text/html; charset=utf-8"})
    with JudgeServer(page) as server, pytest.raises(JudgeError, match="text/html that is no JSON; is base_url right"):
        judge(server).evaluate(CHAIN)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b"null", b"{}", b'{"choices": []}', b'{"choices": [7]}', b"[" * 200_000, b"\xff\xfe"],
)
def test_an_answer_of_another_shape_is_an_error(body: bytes) -> None:
    with JudgeServer(Raw(200, body)) as server, pytest.raises(JudgeError):
        judge(server).evaluate(CHAIN)


def test_a_huge_answer_is_not_read_to_its_end() -> None:
    with JudgeServer(Raw(200, b" " * 20_000_000)) as server, pytest.raises(JudgeError, match="larger than 8 MB"):
        judge(server).evaluate(CHAIN)


def test_a_compressed_bomb_is_not_unpacked_to_its_end() -> None:
    bomb = Raw(200, gzip.compress(b" " * 200_000_000, 9), {"Content-Encoding": "gzip"})
    with JudgeServer(bomb) as server, pytest.raises(JudgeError, match="larger than 8 MB"):
        judge(server).evaluate(CHAIN)


def test_another_charset_is_read_as_declared() -> None:
    chain = RagChain(None, (Passage("Das Café hat 30 Plätze."),), "Das Café hat 30 Plätze.")
    said = {"choices": [{"message": {"content": text([row(1, quote="Café hat 30 Plätze")])}, "finish_reason": "stop"}]}
    data = json.dumps(said, ensure_ascii=False).encode("latin-1")
    with JudgeServer(Raw(200, data, {"Content-Type": "application/json; charset=iso-8859-1"})) as server:
        assert judge(server).evaluate(chain).value == 1.0  # type: ignore[union-attr]


def test_a_charset_that_is_wrong_or_unknown_is_an_error() -> None:
    for charset in ("utf-8", "no-such-charset"):
        data = Raw(200, '{"choices": "é"}'.encode("latin-1"), {"Content-Type": f"application/json; charset={charset}"})
        with JudgeServer(data) as server, pytest.raises(JudgeError):
            judge(server).evaluate(CHAIN)


def test_a_redirect_is_not_followed() -> None:
    with JudgeServer() as other, JudgeServer(Raw(307, b"", {"Location": other.url + "/chat/completions"})) as server:
        with pytest.raises(JudgeError, match="307"):
            judge(server).evaluate(CHAIN)
        assert other.asked == []


# --- keys ------------------------------------------------------------------------------------------------------------


def _echo(asked: Asked) -> Answer:
    return error(401, f"Incorrect API key provided: {KEY} in {dict(asked.headers)}")


MINDS: list[Mind | Answer] = [_echo, error(400, f"bad {KEY}"), Raw(500, KEY.encode()), Hang(), Reset(), honest]


@pytest.mark.parametrize("mind", MINDS, ids=["401", "400", "500", "hang", "reset", "fine"])
def test_the_key_is_nowhere_but_in_its_header(
    mind: Mind, tmp_path: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    with JudgeServer(mind) as server:
        asked = judge(server, retries=0, timeout_s=0.5)
        told = repr(asked)
        try:
            told += repr(asked.evaluate(CHAIN))
        except JudgeError as failure:
            told += repr(failure) + repr(failure.__cause__)
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    kept = b"".join(f.read_bytes() + str(f).encode() for f in tmp_path.rglob("*") if f.is_file())
    assert KEY not in told
    assert KEY.encode() not in kept
    assert KEY not in caplog.text
    assert KEY not in "".join(capfd.readouterr())


def test_an_error_does_not_repeat_what_was_judged() -> None:
    def mind(asked: Asked) -> Answer:
        return error(400, f"invalid input: {asked.user[:300]}")

    with JudgeServer(mind) as server, pytest.raises(JudgeError) as caught:
        judge(server).evaluate(CHAIN)
    assert "tower" not in str(caught.value)
