"""What private data looks like: patterns, each with a test that tells it from numbers of other kinds.

Order matters: what an earlier kind has found is hidden from the later ones. Wide patterns are preferred to narrow ones,
since a number too many that is hidden costs little.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Found: TypeAlias = tuple[int, int]
"""First character and end, exclusive."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of private data."""

    name: str
    """As it stands in placeholders."""
    find: Callable[[str], Iterator[Found]]
    key: Callable[[str], str] = str.casefold
    """Two spellings with one key are one value."""


# --- secrets --------------------------------------------------------------------------------------------------------

_CREDENTIALS = re.compile(r"(?<=://)[^\s/@:<>\"']{0,200}:[^\s/<>\"']{1,200}(?=@[\w\[])")
"""`user:password` of a URL; a password may hold an `@`."""
_TOKENS = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"  # JSON web tokens
    r"|\b(?:sk|pk|rk|whsec|sess)[-_](?:ant-|proj-|live_|test_|or-|svcacct-|lf-)?[A-Za-z0-9_-]{16,}"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|hf_|npm_|pypi-|dop_v1_|shpat_|lsv2_(?:pt|sk)_|xai-|gsk_|r8_|tvly-)\w[\w-]{14,}"
    r"|\bxox[abeoprs]-[\w-]{10,}"
    r"|\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"
    r"|\bAIza[\w-]{30,}"
    r"|\bya29\.[\w-]{20,}"
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|(?<=hooks\.slack\.com/services/)[\w/]{20,}",
    re.DOTALL,
)
_NAMED = re.compile(
    r"(?i)(?:\b|_)(?:api[-_ ]?key|account[-_ ]?key|shared[-_ ]?access[-_ ]?key|access[-_ ]?key(?:[-_ ]?id)?"
    r"|secret(?:[-_ ]?(?:access[-_ ]?)?key)?|client[-_ ]?secret"
    r"|auth(?:orization)?[-_ ]?token|access[-_ ]?token|refresh[-_ ]?token|token|password|passwd|passphrase|pwd"
    r"|sig(?:nature)?|x-api-key)"
    r"[\"']?\s{0,3}(?::|=|:=|=>|\bis\b)\s{0,3}[\"']?([^\s\"',;&<>]{6,500})"
)
"""A name that says what its value is."""
_BEARER = re.compile(r"(?i)\b(?:bearer|basic)\s+([\w.~+/-]{16,}=*)")


def _secrets(text: str) -> Iterator[Found]:
    for match in _TOKENS.finditer(text):
        yield match.span()
    for match in _BEARER.finditer(text):
        yield match.span(1)
    for match in _NAMED.finditer(text):
        value = match[1].rstrip(".)]}!?")
        # a word of prose ("the password is required") is no secret: a secret has a digit or a sign, or mixed case
        mixed = value.lower() != value and value.upper() != value and value[1:].lower() != value[1:]
        if len(value) >= 6 and (not value.isalpha() or mixed or match[0][len(match[0]) - len(match[1]) - 1] in "=\"'"):
            yield match.start(1), match.start(1) + len(value)


def _credentials(text: str) -> Iterator[Found]:
    for match in _CREDENTIALS.finditer(text):
        yield match.span()


# --- addresses ------------------------------------------------------------------------------------------------------

_EMAIL = re.compile(r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:\d{1,3}\.\d{1,3}\.\d{1,3})?(?:%\w{1,15})?(?![\w:])")


def _emails(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text):
        start = match.start()
        while text[start] in "'`*{|/=":  # marks before an address, rather than parts of it
            start += 1
        yield start, match.end()


def _addresses(text: str) -> Iterator[Found]:
    for match in _IPV4.finditer(text):
        if all(int(part) < 256 for part in match[0].split(".")):
            yield match.span()
    for match in _IPV6.finditer(text):
        found = match[0].rstrip(":") if match[0].endswith(":") and not match[0].endswith("::") else match[0]
        if found.count(":") >= 2 and any(c.isdigit() for c in found) and _is_ipv6(found):
            yield match.start(), match.start() + len(found)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


# --- accounts -------------------------------------------------------------------------------------------------------

_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{2,4}){2,8}[ -]?[A-Za-z0-9]{0,3}(?![A-Za-z0-9])"
)
_CARD = re.compile(r"(?<![\w.])[2-6](?:[ -]?\d){12,18}(?![\w]|\.\d)")


def _ibans(text: str) -> Iterator[Found]:
    for match in _IBAN.finditer(text):
        # the last groups may be words that follow it: "DE89 3704 0044 0532 0130 00 was closed"
        end = match.end()
        while end - match.start() >= 15:
            if _is_iban(text[match.start() : end]):
                yield match.start(), end
                break
            end -= 1
            while end > match.start() and text[end - 1] in " -":
                end -= 1


def _is_iban(text: str) -> bool:
    """ISO 13616: rearranged and read as a number, it is 1 modulo 97."""
    letters = re.sub(r"[ -]", "", text).upper()
    if not 15 <= len(letters) <= 34 or not letters.isascii():
        return False
    return int("".join(str(int(c, 36)) for c in letters[4:] + letters[:4])) % 97 == 1


def _cards(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        if _is_luhn(match[0]):
            yield match.span()


def _is_luhn(text: str) -> bool:
    """ISO/IEC 7812: the checksum of card numbers."""
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [d if n % 2 == 0 else 2 * d - 9 * (d > 4) for n, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


# --- telephones -----------------------------------------------------------------------------------------------------

_GAP = r"[ \u00a0./()-]{0,3}"
_PHONES = (
    re.compile(rf"(?<![\w+])(?:\+|00(?=[1-9]))\d{{1,3}}(?:{_GAP}\d){{6,14}}(?![\w])"),  # international
    re.compile(r"(?<![\w.-])(?:1[ .-])?\(?[2-9]\d{2}\)?[ .-]{1,2}\d{3}[ .-]\d{4}(?![\w-])"),  # North America
    re.compile(r"(?<![\w.-])\(?0\d{2,4}\)?[ /-]{1,3}\d{3,8}(?:[ -]\d{2,6}){0,3}(?![\w]|[.-]\d)"),  # with an area code
    re.compile(r"(?<![\w.-])0\d(?:[ .-]\d{2}){4}(?![\w]|[.-]\d)"),  # in pairs
)
_CALLED = re.compile(
    r"(?i)\b(?:phone|telephone|tel|mobile|cell|fax|whatsapp|call(?: me)?(?: (?:at|on))?)\b[^\w+(]{0,4}"
    r"(?:number|no|nr)?[^\w+(]{0,4}(?:is\s)?((?:\+|\(|\d)(?:[ ./()-]{0,2}\d){5,14})(?!\w)"
)
_WORD = re.compile(r"\w+")
_DATE = re.compile(r"\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4}|\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}(?:\D.*)?")


def _phones(text: str) -> Iterator[Found]:
    for pattern in _PHONES:
        for match in pattern.finditer(text):
            if _DATE.fullmatch(match[0]) is None and 7 <= sum(c.isdigit() for c in match[0]) <= 17:
                yield match.span()
    for match in _CALLED.finditer(text):
        if _DATE.fullmatch(match[1]) is None:
            yield match.span(1)


def _digits(text: str) -> str:
    found = "".join(c for c in text if c.isdigit())
    return found.removeprefix("00") if found.startswith("00") else found


def _compact(text: str) -> str:
    return re.sub(r"[ -]", "", text).upper()


PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"),
        "\uff20": "@",
        "\uff0e": ".",
        "\uff0b": "+",
        **dict.fromkeys("\u00a0\u2007\u2009\u202f\u3000", " "),
    }
)
"""Signs that stand for others, one for one: what is written with them is looked for as if it were written plainly."""

KINDS: tuple[Kind, ...] = (
    Kind("CREDENTIALS", _credentials, str),
    Kind("SECRET", _secrets, str),
    Kind("EMAIL", _emails),
    Kind("IBAN", _ibans, _compact),
    Kind("CARD", _cards, _digits),
    Kind("IP", _addresses),
    Kind("PHONE", _phones, _digits),
)
"""In the order in which they are looked for."""


def names(given: Sequence[str]) -> Kind:
    """A kind of the names given: whole words, any case, any white space between their parts; the longest goes first.

    A name is looked for where its first word stands, so ten thousand of them take no longer than ten.
    """
    by_word: dict[str, list[re.Pattern[str]]] = {}
    for name in sorted({" ".join(n.split()) for n in given if _WORD.search(n)}, key=lambda n: (-len(n), n)):
        first = _WORD.search(name)
        assert first is not None
        spaced = r"\s+".join(map(re.escape, name[first.start() :].split(" ")))  # signs before the first word stay
        pattern = re.compile(rf"(?i){spaced}(?!\w)")
        by_word.setdefault(first[0].casefold(), []).append(pattern)

    def find(text: str) -> Iterator[Found]:
        at = 0
        for word in _WORD.finditer(text) if by_word else ():
            if word.start() < at:
                continue
            for pattern in by_word.get(word[0].casefold(), ()):
                if (match := pattern.match(text, word.start())) is not None:
                    at = match.end()
                    yield match.span()
                    break

    return Kind("NAME", find, lambda text: " ".join(text.casefold().split()))
