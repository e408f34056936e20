"""The household of one run: its programs are started together, looked after, and ended together."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app import watchdog

GRACE_SECONDS: Final = 10.0
_LOG_BYTES: Final = 5_000_000
_LOGS_KEPT: Final = 3
_LONGEST_LINE: Final = 65_536
_LAST_LINES: Final = 12
_LONGEST_PAUSE: Final = 30.0
_SETTLED_SECONDS: Final = 60.0
_PATIENCE_SECONDS: Final = 90.0
_ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Program:
    """One program of the household.

    Attributes:
        label: How the lines about it begin: "The portal", "MLflow".
        health: The address that answers 200 once it is ready; empty: it is ready when it runs.
        is_vital: Its end is the end of the run; any other program is started again.
        is_heard: What it prints is meant for the person at the terminal.
    """

    name: str
    label: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    health: str = ""
    is_vital: bool = False
    is_heard: bool = False


class Supervisor:
    """Keeps the programs running until it is told to stop, or until a vital one ends."""

    def __init__(
        self,
        programs: tuple[Program, ...],
        *,
        mark: str,
        logs: Path,
        say: Callable[[str], None],
        on_ready: Callable[[Program], None] = lambda _program: None,
        on_line: Callable[[Program, str], None] = lambda _program, _line: None,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._programs = programs
        self._mark = mark
        self._logs = logs
        self._say = say
        self._on_ready = on_ready
        self._on_line = on_line
        self._grace = grace
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._result = 0

    async def run(self) -> int:
        """Start everything, wait for the end, end everything. Returns the exit code."""
        self._stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one in _ENDING_SIGNALS:
            if signal.getsignal(one) is not signal.SIG_IGN or one is not signal.SIGHUP:
                # Under nohup a hang-up stays ignored; the other two always end the run.
                loop.add_signal_handler(one, self._stop)
        keepers = [asyncio.create_task(self._keep(program)) for program in self._programs]
        stopped = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([*keepers, stopped], return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        await self._end(keepers)
        stopped.cancel()
        for task in done:
            task.result()  # A bug in here is not swallowed.
        return self._result

    def _stop(self) -> None:
        if self._stopping.is_set():
            self._say("Ending everything at once.")
            for process in self._running.values():
                _quietly(process.kill)
            return
        self._say("Ending …")
        self._stopping.set()

    async def _keep(self, program: Program) -> None:
        """Run one program, again and again unless it is vital."""
        loop = asyncio.get_running_loop()
        pause = 1.0
        while not self._stopping.is_set():
            began = loop.time()
            code, last = await self._run_once(program)
            if self._stopping.is_set():
                return
            self._say(f"{program.label} has ended by itself ({_how(code)}). Its last lines:")
            for line in last:
                self._say(f"  {line}")
            self._say(f"  All of it: {self._log_path(program)}")
            if program.is_vital:
                self._result = code if code > 0 else 128 - code if code else 1
                return
            pause = 1.0 if loop.time() - began > _SETTLED_SECONDS else pause
            self._say(f"{program.label} is started again in {pause:.0f} s.")
            await self._stops_within(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_once(self, program: Program) -> tuple[int, list[str]]:
        """One life of a program. Returns its exit code and its last lines."""
        last: deque[str] = deque(maxlen=_LAST_LINES)
        log = _Log(self._log_path(program))
        try:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                env={**program.environment, watchdog.MARK: self._mark},
                cwd=program.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            self._running[program.name] = process
            listeners = [
                asyncio.create_task(self._listen(program, stream, log, last, is_heard=is_heard))
                for stream, is_heard in (
                    (process.stdout, program.is_heard),
                    (process.stderr, False),
                )
                if stream is not None
            ]
            ready = asyncio.create_task(self._await_ready(program))
            code = await process.wait()
            ready.cancel()
            # Somebody it started may hold its output open: what was said is read, then it is left.
            heard, unfinished = await asyncio.wait(listeners, timeout=1)
            for listener in unfinished:
                listener.cancel()
            for listener in heard:
                listener.result()  # A bug in here is not swallowed.
        finally:
            self._running.pop(program.name, None)
            log.close()
        return code, list(last)

    async def _listen(
        self,
        program: Program,
        stream: asyncio.StreamReader,
        log: logging.Handler,
        last: deque[str],
        *,
        is_heard: bool,
    ) -> None:
        async for line in _lines(stream):
            log.emit(logging.makeLogRecord({"msg": line}))
            if line.strip():
                last.append(line)
            if is_heard and not self._stopping.is_set():
                self._say(f"  {line}")
            self._on_line(program, line)

    async def _await_ready(self, program: Program) -> None:
        """Say when the program answers, and once if that takes very long."""
        loop = asyncio.get_running_loop()
        began, pause, is_patient = loop.time(), 0.1, True
        while program.health and not await _answers(program.health):
            if is_patient and loop.time() - began > _PATIENCE_SECONDS:
                is_patient = False
                self._say(
                    f"{program.label} has not answered for {_PATIENCE_SECONDS:.0f} s; "
                    f"it is still tried. Its log: {self._log_path(program)}"
                )
            if await self._stops_within(pause):
                return
            pause = min(pause * 1.5, 1.0)
        if program.health:
            self._say(f"{program.label} answers after {loop.time() - began:.0f} s.")
        self._on_ready(program)

    async def _stops_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _end(self, keepers: list[asyncio.Task[None]]) -> None:
        if watchdog.IS_LINUX:
            await asyncio.to_thread(watchdog.end_all, self._mark, grace=self._grace)
        else:
            for process in list(self._running.values()):
                _quietly(process.terminate)
            await asyncio.wait(keepers, timeout=self._grace)
            for process in list(self._running.values()):
                _quietly(process.kill)
        await asyncio.wait(keepers)

    def _log_path(self, program: Program) -> Path:
        return self._logs / f"{program.name}.log"


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines as they come; a line without end is cut into pieces instead of filling the memory."""
    rest = b""
    while chunk := await stream.read(_LONGEST_LINE):
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) >= _LONGEST_LINE:
            whole, rest = [*whole, rest], b""
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")


async def _answers(url: str) -> bool:
    """Whether a loopback address answers 200 within five seconds."""
    address = urlsplit(url)
    request = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(request.encode("ascii"))
            return (await reader.readline()).split(b" ")[1:2] == [b"200"]
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()


class _Log(RotatingFileHandler):
    """A log that only its owner reads, also after it was rotated."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_LOG_BYTES, backupCount=_LOGS_KEPT, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        os.fchmod(stream.fileno(), 0o600)
        return stream


def _quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except ProcessLookupError:
        return


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def say(line: str) -> None:
    """Print a line for the person at the terminal, if there still is one."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        return
