"""How a model is asked: address, key, limits. What `Judge` and `Rubric` have in common."""

from dataclasses import dataclass, field
from pathlib import Path

from groundwire.errors import ConfigurationError
from groundwire.judge.endpoint import Endpoint, endpoint
from groundwire.judge.exchange import Api
from groundwire.judge.spending import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How a model is asked. Frozen, and safe to use from several threads.

    Args:
        model: as the endpoint calls it.
        base_url: as an SDK takes it; by default the vendor's, from the model's name.
        api_key: by default from the host's usual environment variable (`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`,
            `GEMINI_API_KEY`, ...) or `GROUNDWIRE_JUDGE_API_KEY`. It is on no span, in no cache, error or `repr`.
        api: wire format, where the address does not tell.
        budget: what may be spent; None: no limit.
        cache: whether replies are kept on disk, or the folder for them.
        cache_bytes: size at which the oldest replies go.
        timeout_s: for one answer, with waiting and repair.
        connect_s: longest wait for a connection.
        read_s: longest silence.
        concurrency: answers that are judged at once over this address, by this process.
        retries: how often an overloaded or unreachable endpoint is asked again.
        seed: handed on where the format has one.
        price: USD a million tokens (input, output), where the price table does not know the model.
        max_input_tokens: by our estimate; a longer question is not asked, rather than cut.

    Raises:
        ConfigurationError: a setting is wrong, or the vendor's key is missing.
    """

    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    api: Api | None = None
    budget: Budget | None = field(default=None, compare=False)
    cache: bool | Path | str = True
    cache_bytes: int = 256 * 1024 * 1024
    timeout_s: float = 90.0
    connect_s: float = 5.0
    read_s: float = 60.0
    concurrency: int = 4
    retries: int = 3
    seed: int = 0
    price: tuple[float, float] | None = None
    max_input_tokens: int = 100_000

    def __post_init__(self) -> None:
        found = endpoint(self.model, self.base_url, self.api)
        for name in ("timeout_s", "connect_s", "read_s", "concurrency", "max_input_tokens", "cache_bytes"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be positive, got {getattr(self, name)!r}")
        if self.retries < 0:
            raise ConfigurationError(f"retries must be 0 or more, got {self.retries!r}")
        if self.price is not None and not (len(self.price) == 2 and all(p >= 0 for p in self.price)):
            raise ConfigurationError("price must be (input, output) in USD a million tokens")
        key = self.api_key if self.api_key is not None else found.key()
        if found.needs_key and not key:
            raise ConfigurationError(f"{found.host} needs a key: set {found.key_variables[-1]} or give api_key")
        if key and not (key.isascii() and key.isprintable() and key.strip() == key):
            raise ConfigurationError(
                "api_key has characters that no header can carry (a line break, a space at its end)"
            )

    @property
    def place(self) -> Endpoint:
        """Where it is asked."""
        return endpoint(self.model, self.base_url, self.api)
