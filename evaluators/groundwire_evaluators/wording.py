"""Words that tell how a thing is said: hedges, praise, reports, and pairs of opposites."""

from collections.abc import Mapping, Sequence

from groundwire_evaluators.tokens import listed, stem

_FIRST_PERSON = frozenset(listed("i me my we our us I Me My We Our Us WE OUR US"))
_HEDGES = frozenset(
    stem(w)
    for w in listed(
        "may might could likely possibly perhaps probably seem appear suggest potential generally typically"
    )
)
_PRAISE = frozenset(
    stem(w)
    for w in listed(
        "great excellent wonderful perfect popular delicious friendly cozy inviting vibrant charming "
        "diverse notable unique enjoyable memorable impressive amazing fantastic ideal pleasant overall "
        "positive negative mixed various variety wide range"
    )
)
_REPORTS = frozenset(
    stem(w)
    for w in listed(
        "according stated mentions mentioned states says said passage passages article text review reviews customers"
    )
)
_MANNER = dict.fromkeys(_HEDGES, "hedge") | dict.fromkeys(_PRAISE, "praise") | dict.fromkeys(_REPORTS, "report")
_OPPOSITE_PAIRS = (
    "increase decrease, rise fall, high low, higher lower, highest lowest, more less, most least, before "
    "after, win lose, open close, allow ban, accept reject, support oppose, buy sell, first last, largest "
    "smallest, large small, big small, old young, older younger, male female, man woman, husband wife, son "
    "daughter, mother father, brother sister, north south, east west, northern southern, eastern western, "
    "left right, up down, above below, inside outside, indoor outdoor, true false, legal illegal, guilty "
    "innocent, alive dead, early late, earlier later, hot cold, warm cool, wet dry, fast slow, strong weak, "
    "positive negative, minimum maximum, majority minority, include exclude, gain loss, success failure, pass "
    "fail, arrive depart, start end, begin end, always never, same different, safe dangerous, free paid, "
    "public private, single married, import export, heavy light, long short"
)
OPPOSITES: Mapping[str, str] = {
    stem(a): stem(b)
    for pair in _OPPOSITE_PAIRS.split(", ")
    for a, b in (pair.split(), pair.split()[::-1])
}  # fmt: skip


def manner(content: Sequence[str]) -> tuple[int, int, int]:
    """How many of some stems hedge, praise and report."""
    told = list(filter(None, map(_MANNER.get, content)))
    return told.count("hedge"), told.count("praise"), told.count("report")


def speaks_of_itself(raw: Sequence[str]) -> bool:
    """True for tokens with a first person among them."""
    return any(map(_FIRST_PERSON.__contains__, raw))
