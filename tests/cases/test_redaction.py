"""What is found, what is not, and that the same value has the same placeholder."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire.errors import ConfigurationError
from groundwire.redaction import Redactor, hook


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to ada@example.org.", "Write to <EMAIL_1>."),
        ("<mailto:Ada.L+tag@Mail.Example.co.uk>", "<mailto:<EMAIL_1>>"),
        ("müller@exämple.de", "<EMAIL_1>"),
        ("call +49 (0)30 123-4567 now", "call <PHONE_1> now"),
        ("0049 30 1234567", "<PHONE_1>"),
        ("(555) 123-4567 or 555.123.4567", "<PHONE_1> or <PHONE_1>"),
        ("Tel. 030/1234567", "Tel. <PHONE_1>"),
        ("phone: 5551234", "phone: <PHONE_1>"),
        ("01 23 45 67 89", "<PHONE_1>"),
        ("IBAN DE89 3704 0044 0532 0130 00 was closed", "IBAN <IBAN_1> was closed"),
        ("gb82west12345698765432", "<IBAN_1>"),
        ("paid with 4111-1111-1111-1111 today", "paid with <CARD_1> today"),
        ("378282246310005", "<CARD_1>"),
        ("from 192.168.1.17:8080", "from <IP_1>:8080"),
        ("2001:db8::8a2e:370:7334, ::1", "<IP_1>, <IP_2>"),
        ("key sk-proj-abcdefGHIJ1234567890xyz", "key <SECRET_1>"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "<SECRET_1>"),
        ("AKIAIOSFODNN7EXAMPLE", "<SECRET_1>"),
        ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer <SECRET_1>"),
        ("my password is hunter2!", "my password is <SECRET_1>!"),
        ("?api_key=abcdefgh&page=2", "?api_key=<SECRET_1>&page=2"),
        ('{"client_secret": "aB3dE5gH"}', '{"client_secret": "<SECRET_1>"}'),
        ("call 555\u2011123\u20114567 or +1 (555) 987-6543", "call <PHONE_1> or <PHONE_2>"),
        ("ada\uff20example.org and \uff0b49\u00a030\u00a01234567", "<EMAIL_1> and <PHONE_1>"),
        ("https://hooks.slack.com/services/T0000/B0000/abcdefghijkl", "https://hooks.slack.com/services/<SECRET_1>"),
        ("AccountKey=abc123==;", "AccountKey=<SECRET_1>;"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPx", "aws_secret_access_key = <SECRET_1>"),
        ("https://bob:s3cr@t@db.example.com/x", "https://<CREDENTIALS_1>@db.example.com/x"),
        ("postgres://u:p@h:5432/db", "postgres://<CREDENTIALS_1>@h:5432/db"),
        ("a -----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY----- b", "a <SECRET_1> b"),
    ],
)
def test_what_is_found(text: str, left: str) -> None:
    assert Redactor().texts([text]) == [left]


@pytest.mark.parametrize(
    "text",
    [
        "The tower is 330 metres tall and was completed in 1889.",
        "On 2024-01-15 at 10:30:45, or 01-02-2024, or 31.12.2023.",
        "ISBN 978-3-16-148410-0; order 12345678; 1700000000000 ms",
        "4111 1111 1111 1112 has a wrong checksum",
        "GB83WEST12345698765432 has one too",
        "version 1.2.3.4.5, 300.1.1.1, std::string, a::b",
        "The password is required. The token is invalid.",
        "pH 7.4, $1,234.56, 0.0000354, 3,200,000",
        "user@localhost, @handle, me @ home",
    ],
)
def test_what_is_left(text: str) -> None:
    assert Redactor().texts([text]) == [text]


def test_one_value_has_one_placeholder_in_all_texts_of_a_case() -> None:
    redactor = Redactor()
    first = redactor.case(["ada@x.org and bob@x.org", "Bob@X.org wrote to ADA@x.org"])
    second = redactor.case(["cy@x.org"])

    assert first == (["<EMAIL_1> and <EMAIL_2>", "<EMAIL_2> wrote to <EMAIL_1>"], {"EMAIL": 2})
    assert second == (["<EMAIL_1>"], {"EMAIL": 1})
    assert dict(redactor.counts) == {"EMAIL": 3}


def test_what_was_replaced_before_keeps_its_number() -> None:
    assert Redactor().texts(["<EMAIL_1> and ada@x.org"]) == ["<EMAIL_1> and <EMAIL_2>"]


def test_given_names_are_whole_words_in_any_case() -> None:
    redactor = Redactor(["Ada Lovelace", "Ada", "Mary", "C++ Corp."])

    assert redactor.texts(["ADA  lovelace's friend Mary of Maryland, Ada, C++ Corp."]) == [
        "<NAME_1>'s friend <NAME_2> of Maryland, <NAME_3>, <NAME_4>"
    ]


def test_ten_thousand_names_take_no_longer_than_ten() -> None:
    text = "Somebody called First17 Last42 wrote to Firstly about nothing. " * 200
    many = [f"First{n} Last{m}" for n in range(100) for m in range(100)]
    redactor = Redactor(many)
    started = time.process_time()
    assert redactor.texts([text])[0].count("<NAME_1>") == 200
    assert time.process_time() - started < 2


def test_hooks_come_after_the_patterns_and_are_counted() -> None:
    redactor = Redactor(hooks=[("mine:hide", lambda text: text.replace("Zebra", "<ANIMAL>"))])

    assert redactor.case(["Zebra a@x.org", "none"]) == (["<ANIMAL> <EMAIL_1>", "none"], {"EMAIL": 1, "mine:hide": 1})


def test_a_hook_that_breaks_stops_everything() -> None:
    def broken(_text: str) -> str:
        raise ZeroDivisionError("by nothing")

    with pytest.raises(
        ConfigurationError, match="mine:broken broke: ZeroDivisionError: by nothing; nothing was written"
    ):
        Redactor(hooks=[("mine:broken", broken)]).texts(["x"])
    with pytest.raises(ConfigurationError, match="must return text, it returned NoneType"):
        Redactor(hooks=[("mine:none", lambda _text: None)]).texts(["x"])  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    "spelling", ["mine", "no_such_module:f", "json:nothing", "json:__doc__", "a b:c", ":f", "json:"]
)
def test_a_hook_that_is_none_is_told(spelling: str) -> None:
    with pytest.raises(ConfigurationError, match="--redact"):
        hook(spelling)


@given(st.text(), st.text())
def test_any_text_is_redacted_and_twice_is_as_good_as_once(one: str, other: str) -> None:
    once = Redactor(["Ada"]).texts([f"{one} ada@example.org {other}"])
    assert "ada@example.org" not in once[0]
    assert Redactor(["Ada"]).texts(once) == once


@pytest.mark.parametrize(
    "piece", ["a", "1", "1 ", "a.", "a@", "-", "://", "a:", "DE89", "+1", "(0", "<A_1>", "eyJ", "0::", "password "]
)
def test_long_hostile_texts_take_no_long_time(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    started = time.process_time()
    Redactor(["Ada Lovelace"]).texts([text])

    assert time.process_time() - started < 3
