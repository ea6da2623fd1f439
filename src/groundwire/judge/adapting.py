"""One question put so that the endpoint takes it: what it refuses is left out, what fails for now is tried again."""

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic, sleep
from typing import Any

from groundwire.errors import JudgeError
from groundwire.judge.complaints import Told, no_json
from groundwire.judge.connection import Connection
from groundwire.judge.endpoint import WIRES, Endpoint
from groundwire.judge.exchange import NEXT_FORM, Ask, Manner, Reply, mapping
from groundwire.judge.transport import Response, Unreachable, post
from groundwire.judge.waiting import LONGEST_S, backoff, retry_after
from groundwire.model import Skipped

_OVERLOADED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_REFUSES_A_FIELD = frozenset({400, 404, 415, 422})
_OPTIONS = ("temperature", "seed", "max_completion_tokens", "max_tokens", "maxOutputTokens")
_TOO_LONG = ("context length", "context_length", "context window", "too long", "maximum context", "token count exceeds")
_REQUESTS = 8
"""Within one answer: what is refused is left out step by step."""

_manners: dict[tuple[str, str], Manner] = {}
"""What was learned, by address and model: each refusal is met once a process."""


def exchange(to: Connection, place: Endpoint, question: Ask, until: float) -> Reply | Skipped:
    """One question, one reply; or `Skipped("too_long")`.

    Raises:
        TimedOut: too slow; it may be charged.
        JudgeError: no reply that can be read.
    """
    wire = WIRES[place.api]
    url = wire.url(place.base_url, to.model)
    key = to.api_key if to.api_key is not None else place.key()
    headers = wire.headers(key or None, place.host)
    native = place.provider in ("openai", "azure.ai.openai")
    manner = _manners.get((url, to.model), Manner())
    attempt = 0
    for _ in range(_REQUESTS + to.retries):
        body = wire.body(to.model, question, manner, to.seed, native=native)
        try:
            answer = post(url, headers, body, until=until, connect_s=to.connect_s, read_s=to.read_s)
        except Unreachable:
            attempt += 1
            if attempt > to.retries:
                raise
            _wait(backoff(attempt), until)
            continue
        answer = _unmasked(answer)
        if 200 <= answer.status < 300:
            if not isinstance(answer.body, dict):
                raise JudgeError(no_json(answer))
            reply = wire.reply(answer.body)
            _manners[url, to.model] = manner
            return reply
        told = Told.of(answer, key, question)
        if told.filtered:
            return Reply("", refused=True)
        if answer.status in _REFUSES_A_FIELD and isinstance(answer.body, dict | list):
            if (better := _without_what_is_refused(manner, body, told.words)) is not None:
                manner = better
                continue
            if any(sign in told.words for sign in _TOO_LONG):
                return Skipped("too_long", "for the judge")
        if answer.status not in _OVERLOADED or told.spent:
            raise JudgeError(told.message)
        attempt += 1
        if attempt > to.retries:
            raise JudgeError(f"{told.message}; asked {attempt} times")
        asked = retry_after(answer.headers)
        if asked is not None and asked > LONGEST_S:
            raise JudgeError(f"{told.message}; it asks to wait {asked:.0f} s")
        _wait(backoff(attempt) if asked is None else asked, until)
    raise JudgeError("the judge refuses the question in every form")


def _unmasked(answer: Response) -> Response:
    """Gateways that have begun to answer tell of a failure with status 200 and the real one in the body."""
    code = mapping(mapping(answer.body).get("error")).get("code")
    if answer.status == 200 and isinstance(code, int) and 400 <= code < 600:
        return replace(answer, status=code)
    return answer


def _wait(seconds: float, until: float) -> None:
    if monotonic() + seconds >= until:
        raise JudgeError(f"the judge is busy, and no time is left to wait another {seconds:.1f} s")
    sleep(seconds)


def _without_what_is_refused(manner: Manner, body: Mapping[str, Any], words: str) -> Manner | None:
    """The next manner to try after a 400; None: there is none."""
    sent = {**body, **mapping(body.get("generationConfig"))}
    for option in _OPTIONS:
        if option in sent and option.lower() in words and option not in manner.without:
            return replace(manner, without=manner.without | {option})
    limits = [o for o in _OPTIONS[2:] if o in sent and o not in manner.without]
    if limits and any(sign in words for sign in _TOO_LONG):  # what may be written counts as well
        return replace(manner, without=manner.without | {*_OPTIONS[2:]})
    if any(sign in words for sign in _TOO_LONG):
        return None
    if manner.form != "plain":
        return replace(manner, form=NEXT_FORM[manner.form])
    rest = [o for o in _OPTIONS[:2] if o in sent and o not in manner.without]
    return replace(manner, without=manner.without | {*rest}) if rest else None
