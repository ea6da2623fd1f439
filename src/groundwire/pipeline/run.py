"""A run from source to result: read and sort, score bucket by bucket, hand out what came of it."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from groundwire.errors import GroundwireError
from groundwire.model import Evaluator
from groundwire.pipeline import journal
from groundwire.pipeline.bucket import Done, Job
from groundwire.pipeline.codec import Item, read_chunks
from groundwire.pipeline.control import Nobody, RunControl, Watcher
from groundwire.pipeline.engines import Engine, Here, Processes
from groundwire.pipeline.order import Order
from groundwire.pipeline.spool import Bucket, Spool, parts
from groundwire.pipeline.tally import Tally, added
from groundwire.pipeline.workspace import Workspace

_TOLD_EVERY = 500
_LINES = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a run may go."""

    max_usd: float | None = None
    max_errors: int | None = None


@dataclass(slots=True)
class Result:
    """What came of a run. Its outputs can be read as long as its folders are there."""

    tally: Tally
    stopped: str | None = None
    """Why it ended before its end; None: it did not."""
    complete: bool = True
    outputs: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    files: list[Path] = field(default_factory=list[Path])
    form: str = "nothing"

    def move(self, folder: Path) -> None:
        """Have the files in another folder, which lives longer."""
        folder.mkdir(parents=True, exist_ok=True)
        for i, path in enumerate(self.files):
            self.files[i] = Path(shutil.move(path, folder / path.name)) if path.parent != folder else path

    def pieces(self) -> Iterator[bytes]:
        """Lines, or chunks of one trace: small runs in the order of the source, larger ones bucket by bucket."""
        if not self.files:
            for _, data in self.outputs:
                yield data
            return
        for path in self.files:
            with path.open("rb") as file:
                if self.form == "lines":
                    while data := file.read(_LINES):
                        yield data
                else:
                    yield from read_chunks(file)


def execute(
    items: Iterable[Item],
    order: Order,
    evaluators: Sequence[Evaluator],
    *,
    workspace: Workspace | None,
    engine: Callable[[], Engine] | None = None,
    workers: int = 1,
    watcher: Watcher | None = None,
    limits: Limits | None = None,
    in_memory: int | None = None,
) -> Result:
    """Run.

    Args:
        items: of the source, in any order.
        order: what to do.
        evaluators: made from the order's recipe.
        workspace: keeps what is spooled and judged; None: everything stays in memory, and nothing is kept.
        engine: makes what scores the buckets; None: this process, or `workers` processes.
        workers: how many.
        watcher: is told of the progress.
        limits: of money and errors.
        in_memory: bytes that are held before anything is written to disk; None: as many as suit most machines.

    Raises:
        SourceError: the source cannot be read.
        GroundwireError: the disk is full, a worker dies over and over, or the engine cannot be reached.
    """
    try:
        return _executed(
            items, order, evaluators, workspace, engine, workers, watcher or Nobody(), limits or Limits(), in_memory
        )
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "memory" if workspace is None else str(workspace.folder)
        raise GroundwireError(f"cannot keep what is being scored in {where} ({error.strerror or error})") from error


def _executed(
    items: Iterable[Item],
    order: Order,
    evaluators: Sequence[Evaluator],
    workspace: Workspace | None,
    engine: Callable[[], Engine] | None,
    workers: int,
    watcher: Watcher,
    limits: Limits,
    in_memory: int | None,
) -> Result:
    if engine is not None:
        scoring = engine()
    elif workers > 1 and order.selection.limit is None and not order.dry:
        scoring = Processes(order.recipe, workers)
    else:
        scoring = Here(evaluators)
    found: dict[str, Done] = {}
    with closing(scoring):
        buckets, on_disk = _sorted(items, None if workspace is None else workspace.spool, watcher, in_memory)
        control = RunControl(
            watcher, sum(b.size for b in buckets), max_usd=limits.max_usd, max_errors=limits.max_errors,
            spent=0.0 if workspace is None else journal.spent(workspace.journals),
        )  # fmt: skip
        jobs = _Jobs(buckets, order, workspace, on_disk)
        for done in scoring.run(jobs, control):
            jobs.done(done)
            found[done.name] = replace(done, output=()) if on_disk else done
    ordered = [found[b.name] for b in buckets if b.name in found]
    return Result(
        added(d.tally for d in ordered),
        control.why,
        all(d.complete for d in ordered),
        sorted(piece for d in ordered for piece in d.output),
        [path for b in buckets if (path := jobs.part(b)) is not None],
        order.form,
    )


class _Jobs:
    """The buckets as jobs, one at a time: of a limited number of answers, what is left depends on the one before."""

    def __init__(self, buckets: Sequence[Bucket], order: Order, workspace: Workspace | None, on_disk: bool) -> None:
        self._buckets = {b.name: b for b in buckets}
        self._order = order
        self._workspace = workspace
        self._on_disk = on_disk
        self._left = order.selection.limit

    def __iter__(self) -> Iterator[Job]:
        for bucket in self._buckets.values():
            part = self.part(bucket)
            yield Job(bucket, self._order, self._left, self._journal(bucket), None if part is None else str(part))

    def part(self, bucket: Bucket) -> Path | None:
        """The file that takes what comes of a bucket; None: it stays in memory."""
        if self._workspace is None or not self._on_disk or self._order.form == "nothing":
            return None
        return self._workspace.parts / bucket.name

    def done(self, done: Done) -> None:
        """Take note, and make room."""
        if self._left is not None:
            self._left -= done.tally.answers + done.tally.left["stopped"]
        if self._on_disk:
            self._buckets[done.name].delete()
        bucket = self._buckets[done.name]
        if self._workspace is not None and (path := self._journal(bucket)) is not None and done.journal:
            with Path(path).open("ab") as file:
                file.write(done.journal)
        if (part := self.part(bucket)) is not None and not part.exists():
            # It was scored on a machine that cannot reach the file.
            from groundwire.pipeline.codec import write_chunk

            with part.open("wb") as file:
                for _, data in done.output:
                    if self._order.form == "lines":
                        file.write(data)
                    else:
                        write_chunk(file, data)

    def _journal(self, bucket: Bucket) -> str | None:
        if self._workspace is None or self._order.dry:
            return None
        return str(self._workspace.journals / f"{bucket.name}.journal")


def _sorted(
    items: Iterable[Item], folder: Path | None, watcher: Watcher, in_memory: int | None
) -> tuple[list[Bucket], bool]:
    """The items by trace, in buckets that fit into memory; and whether they are on disk."""
    spool = Spool(folder, in_memory=in_memory)
    try:
        position = -1
        for position, item in enumerate(items):
            spool.add(position, item)
            if position % _TOLD_EVERY == 0:
                watcher.read(position)
        watcher.read(position + 1)
        buckets = spool.finish()
    except BaseException:
        spool.close()
        raise
    if not spool.on_disk:
        return buckets, False
    small: list[Bucket] = []
    for bucket in buckets:
        found = list(parts(bucket, folder))
        if found != [bucket]:
            bucket.delete()
        small += found
    return small, True
