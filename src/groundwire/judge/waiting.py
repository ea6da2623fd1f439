"""How long to wait before asking again: what the server says, else ever longer."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_S = 60.0
"""More than this is never waited, whatever the server says."""
_FIRST_S = 0.5


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that the server asks to wait, at least 0; None where it says nothing that can be read.

    Source: RFC 9110, 10.2.3: seconds or an HTTP date. `retry-after-ms` is what OpenAI and Azure send beside it.
    """
    milliseconds, text = headers.get("retry-after-ms", ""), headers.get("retry-after", "").strip()
    for value, unit in ((milliseconds, 1000.0), (text, 1.0)):
        try:
            seconds = float(value) / unit
        except ValueError:
            continue
        if 0.0 <= seconds < float("inf"):
            return seconds
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def backoff(attempt: int) -> float:
    """Seconds before attempt 1, 2, ...: doubling from half a second, spread so that clients do not return at once."""
    return min(LONGEST_S, _FIRST_S * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)
