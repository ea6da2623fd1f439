"""Usage -> cost in USD, from the dated price table of `genai-prices`.

The table takes about 0.14 s to import, so it is loaded once, in a background thread that `instrument()` starts,
and each model's unit prices are remembered. An unknown model has no cost: never 0.
"""

import logging
import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any, TypeAlias

from groundwire.hosts import COMPATIBLE
from groundwire.model import Usage
from groundwire.unchanging import unchanging

_log = logging.getLogger(__name__)

Override: TypeAlias = Callable[[str, str, Usage], float | None]
"""(provider, model, usage) -> USD, or None to fall through to the price table."""

# Names of the conventions that the table spells differently.
_PROVIDER_IDS: Mapping[str, str] = {
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "aws.bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
    "moonshot_ai": "moonshotai",
}


# Models that only their maker and gateways to it serve: behind an unknown host the maker's list price holds. Open
# weights (gpt-oss, llama, mistral ...) cost what their host asks, which nobody knows.
_PROPRIETARY: Mapping[str, str] = {
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "text-embedding-": "openai",
    "claude-": "anthropic",
    "gemini-": "google",
}


def _maker(model: str) -> str | None:
    name = model.rpartition("/")[2]
    if name.startswith("gpt-oss"):
        return None
    return next((maker for prefix, maker in _PROPRIETARY.items() if name.startswith(prefix)), None)


@unchanging
class Cost:
    """What a call cost."""

    usd: float
    source: str
    """`genai-prices@<version>` or `override`."""


@dataclass(frozen=True, slots=True)
class _UnitPrices:
    """USD a token, for prompts of some length."""

    input: float
    output: float
    cache_read: float
    cache_creation: float
    cache_creation_1h: float

    def of(self, usage: Usage) -> float:
        plain, usd = usage.input_tokens or 0, (usage.output_tokens or 0) * self.output
        if read := usage.cache_read_tokens:
            plain, usd = plain - read, usd + read * self.cache_read
        if created := usage.cache_creation_tokens:
            long = usage.cache_creation_1h_tokens or 0
            plain, usd = plain - created, usd + (created - long) * self.cache_creation + long * self.cache_creation_1h
        return usd + plain * self.input if plain > 0 else usd


@dataclass(frozen=True, slots=True)
class _Prices:
    """Unit prices of a model for every length of a prompt: a length beyond a step has that step's price throughout."""

    steps: tuple[int, ...]
    units: tuple[_UnitPrices, ...]
    """One more than steps; none where there is nothing to multiply."""
    until: float | None
    """Unix time at which other prices begin to hold."""

    def of(self, usage: Usage) -> float:
        """USD."""
        step = bisect_left(self.steps, usage.input_tokens or 0) if self.steps else 0
        return self.units[step].of(usage)


_UNKNOWN = _Prices((), (), None)
"""Those of an unknown model, or on unknown terms."""
_VARYING = _Prices((), (), None)
"""Those that only the library can tell."""


class PriceTable:
    """Prices of all known models. Safe for threads; one instance serves the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._library: Any = None
        self._source = ""
        self._known: dict[tuple[Any, ...], _Prices] = {}
        if hasattr(os, "register_at_fork"):
            # A fork in the middle of the import would leave the child with a half-made module and a lock for ever.
            os.register_at_fork(
                before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._lock.release
            )

    def load(self) -> None:
        """Import the table now; later calls return at once."""
        if self._library is not None:
            return
        with self._lock:
            if self._library is None:
                import importlib.metadata

                import genai_prices

                self._source = f"genai-prices@{importlib.metadata.version('genai-prices')}"
                self._library = genai_prices

    def load_in_background(self) -> None:
        """Start loading without waiting."""
        if self._library is None:
            threading.Thread(target=self._load_quietly, name="groundwire-prices", daemon=True).start()

    def _load_quietly(self) -> None:
        try:
            self.load()
        except Exception:
            _log.debug("price table could not be loaded", exc_info=True)

    def cost(self, provider: str, model: str, usage: Usage, at: datetime | None = None) -> Cost | None:
        """Price of one call; None where the model, its token counts, or its price on those terms are unknown.

        Args:
            provider: `gen_ai.provider.name`.
            model: the model that answered, dated suffixes included.
            usage: token counts, cached tokens included in the input.
            at: when the call was made (prices are dated); now, where it is not given.
        """
        if usage.input_tokens is None and usage.output_tokens is None:
            return None
        if self._library is None:
            self.load()
        key = (provider, model, *sorted(usage.terms.items())) if usage.terms else (provider, model)
        known = self._known.get(key)
        if known is None or (known.until is not None and time() >= known.until):
            known = self._resolve(provider, model, usage.terms)
            if len(self._known) < 4096:
                self._known[key] = known
        if known.units and at is None and not usage.apart:
            return Cost(known.of(usage), self._source)
        if known is _UNKNOWN:
            return None
        price = self._calculate(provider, model, usage, at)
        return None if price is None else Cost(float(price.total_price), self._source)

    def _resolve(self, provider: str, model: str, terms: Mapping[str, str]) -> _Prices:
        price = self._calculate(provider, model, Usage(1, 1, terms=terms), None)
        return _UNKNOWN if price is None else _prices(price)

    def _reference(self, provider: str, model: str) -> tuple[str, str]:
        """Provider and model as the table knows them."""
        if provider == COMPATIBLE and (maker := _maker(model)) is not None:
            return maker, model.rpartition("/")[2]
        known = _PROVIDER_IDS.get(provider, provider)
        return known, model.rpartition("/")[2] if known == "google" else model  # of a resource's whole name

    def _calculate(self, provider: str, model: str, usage: Usage, at: datetime | None) -> Any | None:
        library = self._library
        counts = {
            "input_tokens": usage.input_tokens or 0,
            "output_tokens": usage.output_tokens or 0,
            "cache_read_tokens": usage.cache_read_tokens or 0,
            "cache_write_tokens": usage.cache_creation_tokens or 0,
        }
        if usage.cache_creation_1h_tokens:
            counts["cache_write_1h_tokens"] = usage.cache_creation_1h_tokens
        if usage.reasoning_tokens:
            counts["output_reasoning_tokens"] = usage.reasoning_tokens
        if usage.apart:
            # The library wants to know how much of the sound was cached; where nobody tells, it was the text.
            counts |= {"cache_audio_read_tokens": 0, "cache_image_read_tokens": 0, "cache_video_read_tokens": 0}
            counts |= usage.apart
        terms: dict[str, Any] = {"price_context": dict(usage.terms)} if usage.terms else {}
        provider_id, model_ref = self._reference(provider, model)
        try:
            tokens = library.Usage(**counts)
            price = library.calc_price(
                tokens,
                model_ref=model_ref,
                provider_id=provider_id,
                genai_request_timestamp=at or datetime.now(UTC),
                **terms,
            )
            return price if _agreed(price, usage.terms) else None
        except LookupError:
            return None
        except Exception:
            _log.debug("no price for %s %s", provider, model, exc_info=True)
            return None


def _agreed(price: Any, terms: Mapping[str, str]) -> bool:
    """Whether the table has a price on these terms: without one it gives that of the usual terms."""
    if not terms:
        return True
    own = any(model is price.model for model in price.provider.models)  # else of a provider whose model this one sells
    variants = getattr(price.model, "price_variants", None) or () if own else ()
    return any(all(terms.get(name) == value for name, value in variant.when.items()) for variant in variants)


_UNITS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")
_BESIDE = ("requests_kcount", "output_reasoning_mtok")
"""Prices that hold for what no token count of a call says."""


def _prices(price: Any) -> _Prices:
    """The unit prices behind a calculated price."""
    model, unit = getattr(price, "model", None), getattr(price, "model_price", None)
    if model is None or getattr(unit, "input_mtok", None) is None:
        return _VARYING
    if any(getattr(unit, name, None) is not None for name in _BESIDE):
        return _VARYING
    dated = getattr(model, "prices", None)
    priced = [*(dated if isinstance(dated, list) else ()), *(getattr(model, "price_variants", None) or ())]
    constraints = [one.constraint for one in priced if one.constraint is not None]
    if not all(hasattr(constraint, "start_date") for constraint in constraints):
        return _VARYING
    starts = [datetime.combine(c.start_date, datetime.min.time(), UTC).timestamp() for c in constraints]
    until = min((start for start in starts if start > time()), default=None)
    values = {name: getattr(unit, name, None) for name in _UNITS}
    steps = sorted({tier.start for value in values.values() for tier in getattr(value, "tiers", ())})
    return _Prices(tuple(steps), tuple(_unit_prices(values, step) for step in (-1, *steps)), until)


def _unit_prices(values: Mapping[str, Any], step: int) -> _UnitPrices:
    """Prices of prompts longer than the step."""

    def usd(name: str, otherwise: float) -> float:
        value = values[name]
        if hasattr(value, "tiers"):
            reached = [tier.price for tier in value.tiers if tier.start <= step]  # in ascending order
            value = reached[-1] if reached else value.base
        return otherwise if value is None else float(value) / 1e6

    plain = usd("input_mtok", 0.0)
    written = usd("cache_write_mtok", plain)
    return _UnitPrices(
        input=plain,
        output=usd("output_mtok", 0.0),
        cache_read=usd("cache_read_mtok", plain),
        cache_creation=written,
        cache_creation_1h=usd("cache_write_1h_mtok", written),
    )


PRICES = PriceTable()
