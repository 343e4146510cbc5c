"""Several servers as one model: who is asked, who is passed over and told about, who waits. The clock is a number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from codeassist.model.abilities import Abilities
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Message, ServedModel
from codeassist.model.errors import (
    BadRequest,
    ModelError,
    ModelNotFound,
    Overloaded,
    ServerFailed,
    TruncatedStream,
    Unauthorised,
    Unreachable,
)
from codeassist.serving.remote.model import QUIET_S, RemoteModel, Ways

A, B, C = "http://a/v1", "http://b/v1", "http://c/v1"
COMPLETION = CompletionRequest("def f(", 16)
REVIEW = ChatRequest((Message("user", "look"),), 16)
DEADLINE_S = 10.0


@dataclass
class Server:
    """One server: `trouble` is raised at each request, after `before` chunks of an answer."""

    url: str
    asked_for: str | None = None
    names: tuple[str, ...] = ("coder",)
    trouble: ModelError | None = None
    before: int = 0
    able: Abilities = field(default_factory=Abilities)
    abilities: Abilities = field(default_factory=Abilities)
    requests: list[Any] = field(default_factory=list)
    closed: bool = False

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        self.requests.append(request)
        for number in range(3):
            if self.trouble is not None and number >= self.before:
                raise self.trouble
            yield Chunk(f"{self.url} ")

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self.complete(request)  # type: ignore[arg-type]

    async def served(self) -> tuple[ServedModel, ...]:
        if self.trouble is not None:
            raise self.trouble
        return tuple(map(ServedModel, self.names))

    async def name(self) -> str:
        return self.asked_for or (await self.served())[0].name

    async def count_tokens(self, text: str) -> int | None:
        return len(text)

    async def aclose(self) -> None:
        self.closed = True


class Team:
    """Servers by address, the model over them, and a clock that goes on when somebody sleeps."""

    def __init__(self, *urls: str, name: str | None = None, salt: str | None = None) -> None:
        self.servers = {url: Server(url) for url in urls}
        self.looks: list[str] = []
        self.studies: list[str] = []
        self.notes: list[str] = []
        self.now = 100.0
        self.slept: list[float] = []
        self.model = RemoteModel(
            urls,
            Ways(self.open, self.look, self.study),  # type: ignore[arg-type]
            name=name,
            salt=salt,
            on_note=self.notes.append,
            now=lambda: self.now,
            sleep=self.sleep,
            jitter=lambda: 1.0,
        )

    def open(self, url: str, name: str | None) -> Server:
        self.servers[url].asked_for = name
        return self.servers[url]

    async def look(self, server: Server, url: str) -> None:
        self.looks.append(url)
        if isinstance(server.trouble, Unreachable | Unauthorised):
            raise server.trouble
        server.abilities = server.able

    async def study(self, server: Server, url: str) -> None:
        self.studies.append(url)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def ask(self, request: CompletionRequest | ChatRequest = COMPLETION) -> str:
        """The address that answered."""
        stream = self.model.complete(request) if isinstance(request, CompletionRequest) else self.model.chat(request)
        async with aclosing(stream) as chunks:
            texts = [chunk.text async for chunk in chunks]
        (url,) = set(texts)
        return url.strip()

    async def settled(self) -> None:
        """Wait for what runs in the background."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), DEADLINE_S)


def requests_of(team: Team) -> dict[str, int]:
    return {url: len(server.requests) for url, server in team.servers.items()}


async def test_the_first_server_is_kept_to_while_it_is_well() -> None:
    team = Team(A, B)
    assert [await team.ask() for _ in range(3)] == [A] * 3
    assert team.looks == [A]
    assert team.notes == []


@pytest.mark.parametrize(
    "trouble",
    [
        Unreachable("a is not there (Connection refused); start it."),
        Overloaded("a is not there (Connection refused); start it."),
        ServerFailed("a is not there (Connection refused); start it."),
        TruncatedStream("a is not there (Connection refused); start it."),
        Unauthorised("a is not there (Connection refused); start it."),
        ModelNotFound("a is not there (Connection refused); start it."),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_another_server_answers_in_the_same_request_and_the_user_is_told_why(trouble: ModelError) -> None:
    team = Team(A, B, name="coder")
    team.servers[A].trouble = trouble
    assert await team.ask() == B
    assert team.notes == ["a is not there (Connection refused); start it; http://b/v1 answers instead."]
    assert {url: type(error) for url, error in team.model.troubles().items()} == {A: type(trouble)}
    before = len(team.servers[A].requests)
    assert await team.ask() == B
    assert len(team.servers[A].requests) == before, "no request waits to find out again"


async def test_a_wrong_request_is_wrong_everywhere() -> None:
    team = Team(A, B, name="coder")
    team.servers[A].trouble = BadRequest("too long")
    with pytest.raises(BadRequest, match=r"^too long$"):
        await team.ask()
    assert requests_of(team) == {A: 1, B: 0}


async def test_an_answer_that_has_begun_is_not_begun_anew() -> None:
    team = Team(A, B, name="coder")
    team.servers[A].trouble, team.servers[A].before = TruncatedStream("died"), 1
    with pytest.raises(TruncatedStream, match=r"^died$"):
        await team.ask()
    assert requests_of(team) == {A: 1, B: 0}
    assert await team.ask() == B, "the next one goes elsewhere"


async def test_the_preferred_server_is_asked_again_when_it_is_well_and_no_request_finds_out_that_it_is_not() -> None:
    team = Team(A, B, name="coder")
    await team.ask()
    team.servers[A].trouble = Unreachable("away.")
    assert await team.ask() == B
    for _ in range(3):
        team.now += 61
        assert await team.ask() == B
        await team.settled()
    assert len(team.servers[A].requests) == 2
    team.servers[A].trouble = None
    team.now += 61
    assert await team.ask() == B
    await team.settled()
    assert await team.ask() == A
    assert team.notes[-1] == ""
    assert team.model.troubles() == {}


async def test_a_server_that_is_listening_again_but_fails_costs_less_and_less_often() -> None:
    team = Team(A, B, name="coder")
    asked = []
    for _ in range(120):
        team.servers[A].trouble = ServerFailed("broken.")
        assert await team.ask() == B
        team.servers[A].trouble = None  # It lists its models.
        await team.settled()
        asked.append(len(team.servers[A].requests))
        team.now += 1
    assert asked[-1] <= 8


async def test_if_all_fail_the_preferred_servers_error_counts_the_others() -> None:
    team = Team(A, B, C, name="coder")
    for server in team.servers.values():
        server.trouble = Unreachable(f"{server.url} is not there; start it.")
    for _ in range(2):  # Asked, and then left alone for a moment.
        with pytest.raises(Unreachable) as raised:
            await team.ask()
        assert str(raised.value) == f"{A} is not there; start it; the 2 servers of server.fallback_urls failed too."
    assert team.looks == [A, B, C]


async def test_the_only_server_is_asked_again_after_a_moment() -> None:
    team = Team(A)
    team.servers[A].trouble = Unreachable("not there.")
    for _ in range(3):
        with pytest.raises(Unreachable, match=r"^not there\.$"):
            await team.ask()
    assert team.looks == [A]
    team.servers[A].trouble = None
    team.now += 2
    assert await team.ask() == A


@pytest.mark.parametrize("trouble", [ServerFailed("oops"), Unauthorised("no"), ModelNotFound("none")])
async def test_the_only_server_is_asked_every_time_if_it_may_answer(trouble: ModelError) -> None:
    team = Team(A, name="coder")
    await team.ask()
    team.servers[A].trouble = trouble
    for _ in range(2):
        with pytest.raises(type(trouble)):
            await team.ask()
    assert requests_of(team) == {A: 3}


async def test_completions_are_silent_at_once_while_a_server_has_too_much_to_do() -> None:
    team = Team(A)
    await team.ask()
    team.servers[A].trouble = Overloaded("busy", 10.0)
    for _ in range(3):
        with pytest.raises(Overloaded, match=r"^busy$"):
            await team.ask()
    assert requests_of(team) == {A: 2}, "one to find out, none while it is left alone"
    assert team.slept == []


async def test_what_is_known_is_known_while_a_server_is_left_alone() -> None:
    team = Team(A)
    await team.ask()
    team.servers[A].trouble = Overloaded("busy", 10.0)
    with pytest.raises(Overloaded):
        await team.ask()
    assert await team.model.find_out() == Abilities()
    team.servers[A].asked_for = "coder"  # As a transport remembers it.
    assert await team.model.name() == "coder"


async def test_reviews_wait_for_it() -> None:
    team = Team(A)
    server = team.servers[A]
    server.trouble = Overloaded("busy", 10.0)

    async def sleep(seconds: float) -> None:
        await Team.sleep(team, seconds)
        server.trouble = None if len(team.slept) == 2 else server.trouble

    team.model._sleep = sleep
    assert await team.ask(REVIEW) == A
    assert team.slept == [11.0, 11.0]


async def test_reviews_do_not_wait_for_ever() -> None:
    team = Team(A)
    team.servers[A].trouble = Overloaded("busy")
    with pytest.raises(Overloaded, match=r"^busy$"):
        await team.ask(REVIEW)
    assert 30 <= sum(team.slept) <= 60
    assert len(team.servers[A].requests) == len(team.slept) + 1


async def test_reviews_do_not_wait_for_a_server_that_is_not_there() -> None:
    team = Team(A)
    team.servers[A].trouble = Unreachable("gone")
    with pytest.raises(Unreachable):
        await team.ask(REVIEW)
    assert team.slept == []


async def test_a_review_takes_the_other_server_before_it_waits() -> None:
    team = Team(A, B, name="coder")
    team.servers[A].trouble = Overloaded("busy")
    assert await team.ask(REVIEW) == B
    assert team.slept == []


async def test_servers_must_serve_the_same_model() -> None:
    """A prompt is written for one model; another would answer with nonsense."""
    team = Team(A, B)
    await team.ask()
    team.servers[A].trouble = Unreachable("away.")
    await team.ask()
    assert team.servers[B].asked_for == "coder"
    assert await team.model.name() == "coder"


async def test_a_server_that_comes_back_with_another_model_is_passed_over() -> None:
    team = Team(A, B, name="coder")
    await team.ask()
    team.servers[A].trouble = Unreachable("away.")
    await team.ask()
    team.servers[A].trouble, team.servers[A].names = None, ("other",)
    team.now += 5
    await team.ask()
    await team.settled()
    assert await team.ask() == B
    assert "does not serve 'coder'" in team.notes[-1]


async def test_abilities_are_those_of_who_answers_and_the_context_is_what_all_have() -> None:
    team = Team(A, B, name="coder")
    team.servers[A].able = Abilities(engine="vllm", priority="yes", max_model_tokens=8192)
    team.servers[B].able = Abilities(engine="llama.cpp", priority="no", max_model_tokens=4096)
    assert team.model.abilities == Abilities()
    assert (await team.model.find_out()).max_model_tokens == 8192
    assert requests_of(team) == {A: 0, B: 0}
    team.servers[A].trouble = ServerFailed("oops")
    await team.ask()
    assert team.model.abilities == Abilities(engine="llama.cpp", priority="no", max_model_tokens=4096)
    team.servers[A].trouble = None
    team.now += 5
    await team.ask()
    await team.settled()
    await team.ask()
    assert team.model.abilities == Abilities(engine="vllm", priority="yes", max_model_tokens=4096)


async def test_the_full_look_comes_after_the_first_answer_once() -> None:
    team = Team(A)
    await team.model.find_out()
    await team.settled()
    assert team.studies == []
    for _ in range(3):
        await team.ask()
        await team.settled()
    assert (team.looks, team.studies) == ([A], [A])


async def test_the_full_look_waits_until_nothing_was_asked_for_a_while() -> None:
    team = Team(A)
    stream = team.model.complete(COMPLETION)
    await team.ask()
    await stream.__anext__()
    for _ in range(10):
        await asyncio.sleep(0)
    assert team.slept
    assert team.studies == []
    await stream.aclose()
    asked = team.now
    await team.settled()
    assert team.studies == [A]
    assert team.now >= asked + QUIET_S


async def test_a_request_that_is_cancelled_leaves_the_first_look_going() -> None:
    team = Team(A)
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(server: Server, url: str) -> None:
        team.looks.append(url)
        begun.set()
        await go.wait()

    team.model._ways = Ways(team.open, slow, team.study)  # type: ignore[arg-type]
    for _ in range(2):
        asking = asyncio.ensure_future(team.ask())
        await asyncio.wait_for(begun.wait(), DEADLINE_S)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    go.set()
    assert await team.ask() == A
    assert team.looks == [A]


async def test_closing_ends_what_runs_and_refuses_what_comes() -> None:
    team = Team(A)
    never = asyncio.Event()

    async def study(server: Server, url: str) -> None:
        await never.wait()

    team.model._ways = Ways(team.open, team.look, study)  # type: ignore[arg-type]
    await team.ask()
    await team.model.aclose()
    await team.model.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert team.servers[A].closed
    with pytest.raises(Unreachable, match="connect anew"):
        await team.ask()


async def test_every_request_carries_the_salt() -> None:
    team = Team(A, salt="pepper")
    await team.ask()
    await team.ask(REVIEW)
    assert [request.cache_salt for request in team.servers[A].requests] == ["pepper", "pepper"]
    plain = Team(A)
    await plain.ask()
    assert plain.servers[A].requests[0].cache_salt is None


async def test_answers_in_one_piece_are_noticed() -> None:
    team = Team(A)
    server = team.servers[A]

    async def at_once(request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        team.now += 3
        for _ in range(20):
            yield Chunk(A)

    server.complete = at_once  # type: ignore[method-assign]
    for _ in range(3):
        assert team.notes == []
        await team.ask()
    assert team.notes == [f"The answers of {A} arrive in one piece: a proxy seems to buffer them; switch that off."]
