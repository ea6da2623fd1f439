"""Everything that groundwire raises on purpose.

GroundwireError
├── ConfigurationError   a mistake in what the user asked for; raised by `instrument()`, a constructor or the CLI
│   ├── UnknownPlugin    no provider or evaluator has that name
│   └── MissingLibrary   an adapter's library is not installed
├── SourceError          stored traces cannot be read: no such file, not a trace, endpoint unreachable
├── SinkError            scores or traces cannot be written there
└── JudgeError           a model that judges could not be asked, or gave no usable answer

Telemetry itself never raises: a failing extractor, exporter or evaluator is logged and counted.
"""

from collections.abc import Iterable


class GroundwireError(Exception):
    """Root of everything that groundwire raises on purpose."""


class ConfigurationError(GroundwireError, ValueError):
    """A setting is wrong. The message says what was found and what would do."""


class UnknownPlugin(ConfigurationError):
    """No installed provider or evaluator has the name that was asked for."""

    def __init__(self, kind: str, name: str, installed: Iterable[str]) -> None:
        known = ", ".join(sorted(installed)) or "none"
        super().__init__(f"unknown {kind} {name!r}; installed: {known}")
        self.kind = kind
        self.name = name


class MissingLibrary(ConfigurationError):
    """What was asked for rests on a library that is not installed."""

    def __init__(self, what: str, distribution: str) -> None:
        first = distribution.partition(" ")[0]
        super().__init__(f"{what} needs {first}, which is not installed: pip install {distribution}")
        self.distribution = distribution


class SourceError(GroundwireError):
    """Stored traces cannot be read. The message names the source and the shapes that are accepted."""


class SinkError(GroundwireError):
    """Results cannot be written. The message names the destination and what to do."""


class JudgeError(GroundwireError):
    """A judge could not be asked, or its answer cannot be used. The message holds no key and no judged text."""
