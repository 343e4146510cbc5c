"""Serve a plan: start vLLM, wait until it is ready, start it again when it dies, and stop all of it at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import Timeout

from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.folders import Folders, folders, make_private
from codeassist.serving.vllm.arguments import FORBIDDEN, may_mean
from codeassist.serving.vllm.plan import Argument, NodeCommand, Plan
from codeassist.serving.vllm.running.install import Installed, check_version, command_line, find_vllm, fitting
from codeassist.serving.vllm.running.keys import keys_folder, take_key
from codeassist.serving.vllm.running.launch import Log, Process, clear_address, environment_for, log_path
from codeassist.serving.vllm.running.ready import Ready, local_url, probe
from codeassist.serving.vllm.running.record import (
    ServingRecord,
    read_serving,
    records_folder,
    remove_serving,
    serving_lock,
    write_serving,
)
from codeassist.serving.vllm.running.restarts import Restarts
from codeassist.serving.vllm.running.troubles import Trouble, explain
from codeassist.settings import Settings

TRUST = Argument("trust-remote-code", None, "the user's word for the code of the model's repository")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """`python`: the interpreter that has vLLM; None: the setting `serve.python`, ours, or that of `vllm` on the PATH.

    `trust_remote_code`: the user's word for a plan that needs it. `new_key`: replace the key of this address.
    `node_rank`: which node of the plan this machine is.
    """

    node_rank: int = 0
    python: Path | None = None
    trust_remote_code: bool = False
    new_key: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds. `silence_s`: without a new line in the log a starting vLLM counts as hung.

    `grace_s`: for ending in order. `sleep`: tests wait with another.
    """

    silence_s: float = 900.0
    grace_s: float = 20.0
    poll_s: float = 0.5
    speak_every_s: float = 1.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    restarts: Restarts = field(default_factory=Restarts)


async def serve_plan(
    plan: Plan,
    options: ServeOptions,
    *,
    settings: Settings,
    say: Say,
    progress: Say | None = None,
    where: Folders | None = None,
    patience: Patience | None = None,
) -> int:
    """Run one node of `plan` until SIGINT, SIGTERM or SIGHUP ends it; then 0. Call it in the main thread.

    `say` gets sentences that stay, `progress` those that replace each other (default: `say`), about once a second.

    Raises ServingError with one sentence: no vLLM or one with known holes, an address in use, a start that failed
    for a reason of the user's own (UnsafeFolder, EngineNotStarted), or a server that dies again and again. Whether
    it returns, raises or is cancelled: nothing of vLLM is left.
    """
    where = where or folders(settings)
    if not 0 <= options.node_rank < len(plan.nodes):
        raise EngineNotStarted(
            f"The plan has {len(plan.nodes)} nodes, numbered from 0: there is no node {options.node_rank}."
        )
    command = plan.nodes[options.node_rank]
    _check_word(plan, command, options)
    installed = await asyncio.to_thread(find_vllm, options.python, settings)
    for note in check_version(installed):
        say(note)
    if plan.trust_remote_code and not any(argument.flag == TRUST.flag for argument in command.arguments):
        command = replace(command, arguments=(*command.arguments, TRUST))
    arguments, notes = fitting(command, installed)
    for note in notes:
        say(note)
    words = command_line(_with_whole_path(command), installed, arguments)
    with _alone(plan, options, where), _stopped_by_signals() as stop:
        server = _Server(plan, options, installed, words, where, patience or Patience())
        return await server.run(stop, say, progress or say, settings.server.api_key_env)


class _Server:
    """vLLM over all its lives."""

    def __init__(
        self,
        plan: Plan,
        options: ServeOptions,
        installed: Installed,
        words: list[str],
        where: Folders,
        patience: Patience,
    ) -> None:
        self._plan = plan
        self._first = options.node_rank == 0
        self._command = plan.nodes[options.node_rank]
        self._new_key = options.new_key
        self._installed = installed
        self._words = words
        self._where = where
        self._patience = patience
        self._url = local_url(plan.address)
        self._log_path = log_path(where, plan.served_name, options.node_rank)
        self._key_file = Path()

    async def run(self, stop: asyncio.Event, say: Say, progress: Say, key_variable: str) -> int:
        key = None
        if self._first:
            key, self._key_file = await asyncio.to_thread(take_key, keys_folder(), self._url, new=self._new_key)
        try:
            log = Log(self._log_path, key or "")
        except OSError as error:
            raise EngineNotStarted(
                f"The log {self._log_path} cannot be written ({error.strerror or error}); see that you may write "
                "there, or set XDG_STATE_HOME to another folder."
            ) from error
        environment = environment_for(self._command.environment, key, os.environ)
        was_ready = False
        try:
            while True:
                say(f"vLLM {self._installed.version} starts {self._plan.served_name}; its log is {self._log_path}")
                began = time.monotonic()
                if self._first:
                    await asyncio.to_thread(clear_address, self._plan.address, self._where)
                process = Process(self._words, environment, log, self._patience.grace_s)
                try:
                    ready = await self._start(process, key, stop, progress)
                    if ready is not None:
                        was_ready = self._first
                        for sentence in self._welcome(ready, time.monotonic() - began, key_variable):
                            say(sentence)
                        await self._watch(process, stop)
                    if stop.is_set():
                        progress("Stopping vLLM.")
                finally:
                    await self._end(process)
                if stop.is_set():
                    say("vLLM has stopped.")
                    return 0
                trouble = explain(process.tail(), process.status)
                await self._before_restart(trouble, time.monotonic() - began, was_ready, stop, say)
                if stop.is_set():
                    return 0
        finally:
            log.close()

    async def _start(self, process: Process, key: str | None, stop: asyncio.Event, progress: Say) -> Ready | None:
        """Wait until it answers. None if it ended or is to stop before; a node without an API is ready at once."""
        began = spoken = time.monotonic()
        while process.status is None and not stop.is_set():
            if key is None:
                return Ready(0)
            ready = await asyncio.to_thread(probe, self._plan.address, self._plan.served_name, key)
            # Something else may answer there; ours must live for it to be ours.
            if ready is not None and process.status is None:
                try:
                    await asyncio.to_thread(write_serving, self._where, self._record(ready))
                except OSError as error:
                    raise _unwritable(records_folder(self._where), error) from error
                return ready
            now = time.monotonic()
            if now - process.heard > self._patience.silence_s:
                raise EngineNotStarted(
                    f"vLLM hangs: for {self._patience.silence_s / 60:.0f} minutes its log has said nothing more than "
                    f"{process.phase or 'that it starts'}; see {self._log_path}"
                )
            if now - spoken >= self._patience.speak_every_s:
                spoken = now
                progress(f"vLLM: {process.phase or 'starting'} ({now - began:.0f} s).")
            await self._pause(self._patience.poll_s, stop)
        return None

    async def _watch(self, process: Process, stop: asyncio.Event) -> None:
        while process.status is None and not stop.is_set():
            await self._pause(self._patience.poll_s, stop)

    async def _end(self, process: Process) -> None:
        """First the record, so that no editor sends its key to whoever comes after."""
        remove_serving(self._where, self._url)
        # Even when we are cancelled once more: leaving now would leave vLLM behind.
        await _finished(asyncio.to_thread(process.stop))
        if self._first and self._plan.address.socket is not None:
            with suppress(OSError):
                self._plan.address.socket.unlink(missing_ok=True)

    async def _before_restart(
        self, trouble: Trouble, lived_s: float, was_ready: bool, stop: asyncio.Event, say: Say
    ) -> None:
        """Wait for the next start. Raises EngineNotStarted if there should be none."""
        # A node without an API never says that it is ready: that it lived for long must do.
        worked = was_ready or lived_s >= self._patience.restarts.quick_s
        if not worked and not trouble.passes:
            raise EngineNotStarted(f"{trouble.sentence.rstrip('.')}; the whole log is {self._log_path}")
        wait_s = self._patience.restarts.wait_s(lived_s)
        if wait_s is None:
            raise EngineNotStarted(
                f"vLLM ended {self._patience.restarts.most_quick + 1} times soon after its start, the last time so: "
                f"{trouble.sentence.rstrip('.')}; the whole log is {self._log_path}"
            )
        ended = "" if trouble.sentence.startswith("vLLM ") else "vLLM ended: "
        say(f"{ended}{trouble.sentence.rstrip('.')}. It starts again in {wait_s:.0f} s.")
        await self._pause(wait_s, stop)

    async def _pause(self, seconds: float, stop: asyncio.Event) -> None:
        """Sleep, and wake up early to stop."""
        waits = {asyncio.ensure_future(self._patience.sleep(seconds)), asyncio.create_task(stop.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    def _record(self, ready: Ready) -> ServingRecord:
        return ServingRecord(
            url=self._url,
            model=self._command.model,
            served_name=self._plan.served_name,
            pid=os.getpid(),
            started=time.time(),
            log=str(self._log_path),
            key_file=str(self._key_file),
            vllm_version=self._installed.version,
            max_model_len=ready.max_model_len,
            seats=self._plan.seats,
        )

    def _welcome(self, ready: Ready, took_s: float, key_variable: str) -> Iterator[str]:
        if not self._first:
            yield "This node works for node 0, which answers the editors."
            return
        length = f", context {ready.max_model_len} tokens" if ready.max_model_len else ""
        yield f"{self._plan.served_name} is ready after {took_s:.0f} s ({self._plan.seats} seats{length})."
        yield "Editors of yours on this machine need this line in the settings file, and no key:"
        yield f"server.url = {json.dumps(self._url)}"
        others = self._url_for_others()
        if others is None:
            yield f"Other programs need the key in {self._key_file}"
        else:
            yield (
                "Editors on other machines need this line, and in " + key_variable + f" the key from {self._key_file}:"
            )
            yield f"server.url = {json.dumps(others)}"
            yield "The way there is not encrypted: keep it in a network that you trust, or put a TLS proxy before it."

    def _url_for_others(self) -> str | None:
        address = self._plan.address
        if address.socket is not None or address.host in ("127.0.0.1", "::1", "localhost"):
            return None
        return address.url if self._url == address.url else f"http://{socket.gethostname()}:{address.port}/v1"


def _check_word(plan: Plan, command: NodeCommand, options: ServeOptions) -> None:
    if plan.trust_remote_code and not options.trust_remote_code:
        raise EngineNotStarted(
            f"{plan.entry_name} runs Python code from the model's own repository with your rights: read that code, and "
            "if you trust it, start again with --trust-remote-code."
        )
    for flag in (argument.flag for argument in command.arguments):
        if may_mean(flag, TRUST.flag) and not options.trust_remote_code:
            raise EngineNotStarted(
                f"vLLM takes --{flag} for your word to run code from a model's repository with your rights; if you "
                "give it, start again with --trust-remote-code."
            )
        for forbidden, why in FORBIDDEN.items():
            if may_mean(flag, forbidden):
                raise EngineNotStarted(f"codeassist does not start vLLM with --{flag}: {why}.")


def _with_whole_path(command: NodeCommand) -> NodeCommand:
    """vLLM runs in another folder, where the path of a local model would mean something else."""
    folder = Path(command.model).expanduser()
    if not folder.exists():
        return command
    return replace(command, model=str(folder.absolute()))


@contextmanager
def _alone(plan: Plan, options: ServeOptions, where: Folders) -> Iterator[None]:
    """Hold the address of the plan: one server there, whoever of this user's processes was first."""
    # A node without an API of its own must only not run twice.
    url = local_url(plan.address) + f"#node{options.node_rank}" * (options.node_rank > 0)
    make_private(where.runtime)
    make_private(records_folder(where))
    lock = serving_lock(where, url)
    try:
        lock.acquire()
    except Timeout:
        found = read_serving(where, url)
        what = f"{found.served_name} is served" if found else "A server is starting"
        by = f" by process {found.pid}" if found else ""
        raise EngineNotStarted(
            f"{what} at {url} already{by}; stop that one, or choose another address with --port or --socket."
        ) from None
    except OSError as error:
        raise _unwritable(records_folder(where), error) from error
    try:
        remove_serving(where, url)  # What a killed server has left.
        yield
    finally:
        remove_serving(where, url)
        lock.release()


def _unwritable(folder: Path, error: OSError) -> EngineNotStarted:
    """Of our runtime folder. Its place is the system's choice, or XDG_RUNTIME_DIR's."""
    return EngineNotStarted(
        f"Nothing can be written to {folder} ({error.strerror or error}); see that you may write there, or set "
        "XDG_RUNTIME_DIR to another folder of your own."
    )


@contextmanager
def _stopped_by_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT, SIGTERM and SIGHUP set."""
    stop, loop, set_here = asyncio.Event(), asyncio.get_running_loop(), []
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with suppress(ValueError, RuntimeError, NotImplementedError, AttributeError):  # Not in the main thread.
            number = getattr(signal, name)
            loop.add_signal_handler(number, stop.set)
            set_here.append(number)
    try:
        yield stop
    finally:
        for number in set_here:
            loop.remove_signal_handler(number)


async def _finished(work: Awaitable[None]) -> None:
    """Wait for `work` to its end also when we are cancelled; the cancellation counts after it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
