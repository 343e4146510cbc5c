"""How long a completion waits for its first token while reviews are queued: our way, and what it would be without.

    python benchmarks/engine/priority.py --url http://127.0.0.1:8000/v1 --seats 8 --chunk-tokens 1024

`idle` is a completion a few keystrokes after the last one, on a server with nothing else to do. `one chunk` is the
time of a prompt that fills one step of the engine (`--chunk-tokens`, vLLM's --max-num-batched-tokens): whoever comes
during a step waits for its end. What is promised is at most twice `idle` plus `one chunk`, under these loads:

  ours          each editor has its share of the reviews, and asks for four of them at a time; completions come first
                in vLLM's queue, find a seat free, and the editor's own reviews give way while their prompts are read
  all at once   every review is sent at once, so that the seats (`--seats`, vLLM's --max-num-seqs) may be taken: the
                completion is first in the queue and waits for a seat
  no priority   the same, and the completion is queued behind the reviews

The completion is sent when vLLM's own metrics show that as many reviews run as can. Reviews are of the product's form,
with its JSON schema. Exit code 1 if our way is slower than promised, or the others are not slower than ours. Ctrl-C
prints what there is.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from options import positive
from workload import TYPED_CHARACTERS, Fitted, Workload, nonce, places, read_source

from codeassist.context.limits import ContextLimits
from codeassist.flow.admission import Admission, Begun, Rule
from codeassist.flow.asking import SEATS as REVIEW_SEATS
from codeassist.flow.asking import Bound
from codeassist.model.api import ChatRequest, CompletionRequest, Priority
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import ModelError
from codeassist.model.vllm import VllmModel
from codeassist.prompt.families import FAMILIES, family_for_model
from codeassist.serving.catalogue import entry_for_served

Way = Literal["ours", "all at once", "no priority"]
WAYS: tuple[Way, ...] = ("ours", "all at once", "no priority")
SILENCE_S = 900.0
"""How long an answer may be waited for: without our way that is minutes on a small machine."""
ANSWER_TOKENS = 8
"""Longest completion; only the first token counts."""
POLL_S = 0.05


class NotMeasured(Exception):
    """One sentence for the user."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion under load. When its first token came: `begun` reviews had theirs, `waiting` had no seat."""

    first_ms: float
    begun: int
    waiting: int


@dataclass
class Table:
    """All that was measured, in milliseconds."""

    idle_ms: list[float] = field(default_factory=list)
    chunk_ms: list[float] = field(default_factory=list)
    ways: dict[Way, list[Sample]] = field(default_factory=lambda: {way: [] for way in WAYS})

    @property
    def promised_ms(self) -> float:
        return 2 * statistics.median(self.idle_ms) + statistics.median(self.chunk_ms)

    def median_ms(self, way: Way) -> float:
        return statistics.median(sample.first_ms for sample in self.ways[way])

    def kept(self) -> bool | None:
        """Whether our way keeps the promise and the others are worse; None if our way was not measured."""
        if not self.idle_ms or not self.ways["ours"]:
            return None
        others = [self.median_ms(way) for way in WAYS if way != "ours" and self.ways[way]]
        return self.median_ms("ours") <= self.promised_ms and all(other > self.median_ms("ours") for other in others)

    def lines(self) -> Iterator[str]:
        """The report; a line that says so where there is nothing to report."""
        if not self.idle_ms:
            yield "Nothing was measured."
            return
        idle, promised = statistics.median(self.idle_ms), self.promised_ms
        yield f"{'time to first token':<22}{'median ms':>11}{'longest':>9}{'by idle':>9}{'by promise':>12}  reviews"
        rows = {"idle": self.idle_ms, "one chunk": self.chunk_ms}
        for name, values in rows.items():
            yield f"{name:<22}{statistics.median(values):>11.0f}{max(values):>9.0f}"
        yield f"{'promised: 2 idle + 1':<22}{promised:>11.0f}{'':>9}{promised / idle:>9.1f}{1:>12.2f}"
        for way, samples in self.ways.items():
            if samples:
                middle, longest = self.median_ms(way), max(sample.first_ms for sample in samples)
                state = ", ".join(f"{sample.begun} begun {sample.waiting} waiting" for sample in samples)
                by = f"{middle / idle:>9.1f}{middle / promised:>12.2f}"
                yield f"{way:<22}{middle:>11.0f}{longest:>9.0f}{by}  {state}"
        yield ""
        kept = self.kept()
        yield "Our way was not measured." if kept is None else "kept" if kept else "NOT kept"


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = parser().parse_args(arguments)
    table = Table()
    said, code = "", 0
    try:
        asyncio.run(measure(chosen, table))
    except KeyboardInterrupt:
        said, code = "Broken off by Ctrl-C: not all runs were made.", 130
    except (NotMeasured, ModelError, ValueError) as error:
        said, code = str(error), 1
    if table.idle_ms:
        people = f"{chosen.editors} editor{'s' * (chosen.editors > 1)}"
        print(f"{chosen.reviews} reviews of {people}, {chosen.seats} seats, {len(table.idle_ms)} runs\n")
        print("\n".join(table.lines()))
    if said:
        print(f"priority.py: {said}", file=sys.stderr)
        return code
    return 1 if table.kept() is False else 0


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", required=True, help="http://HOST:PORT/v1 or unix:///PATH of a running vLLM")
    options.add_argument("--model", help="the served name (default: the first that the server lists)")
    options.add_argument("--key-env", default="CODEASSIST_API_KEY", metavar="NAME", help="default: %(default)s")
    options.add_argument("--family", choices=sorted(FAMILIES), help="prompt family (default: by the model's name)")
    options.add_argument("--seats", type=positive, required=True, help="--max-num-seqs of the server")
    options.add_argument("--chunk-tokens", type=positive, required=True, help="--max-num-batched-tokens of the server")
    options.add_argument("--reviews", type=positive, default=12, help="how many are queued (default: %(default)s)")
    options.add_argument("--editors", type=positive, default=1, help="whose reviews they are (default: %(default)s)")
    options.add_argument("--prompt-tokens", type=positive, default=512, help="of a completion (default: %(default)s)")
    options.add_argument(
        "--review-tokens", type=positive, default=1024, help="of code in a review (default: %(default)s)"
    )
    options.add_argument("--runs", type=positive, default=3, help="completions for each line (default: %(default)s)")
    options.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="default: all of them")
    return options


async def measure(chosen: argparse.Namespace, table: Table) -> None:
    """Fill `table`, which has whole samples only at any time. Raises NotMeasured, ModelError and ValueError."""
    key = os.environ.get(chosen.key_env) or None
    patience = {"read_timeout_s": SILENCE_S, "first_token_timeout_s": SILENCE_S, "token_timeout_s": SILENCE_S}
    model = VllmModel(Endpoint(chosen.url, model=chosen.model, api_key=key, **patience))
    try:
        name = chosen.model or (await model.served())[0].name
        entry = entry_for_served(name)
        found = FAMILIES.get(chosen.family or (entry.family if entry else "")) or family_for_model(name)
        if found is None:
            raise NotMeasured(f"Nothing says how the model {name!a} is prompted; give --family.")
        source = read_source([])
        load = Load(model, Workload(Bound(model, found, name), source, None), chosen)
        cursors = places(source, chosen.runs + 1)
        completions = [await load.workload.fit(place, chosen.prompt_tokens) for place in cursors[1:]]
        chunk = await load.workload.fit(cursors[0], chosen.chunk_tokens)
        await load.run(table, completions, chunk)
    finally:
        await model.aclose()


class Load:
    """The reviews that run beside a completion."""

    def __init__(self, model: VllmModel, workload: Workload, chosen: argparse.Namespace) -> None:
        self.model = model
        self.workload = workload
        self.chosen = chosen
        self.requests = workload.reviews(ContextLimits(prompt_tokens=chosen.review_tokens))
        self.begun = 0

    async def run(self, table: Table, completions: Sequence[Fitted], chunk: Fitted) -> None:
        await self.first_token_ms(self.workload.completion(completions[0], nonce(), most_tokens=1))  # Warms it up.
        for number, completion in enumerate(completions):  # All of them in each run, so that drift hits all alike.
            table.chunk_ms.append(await self.first_token_ms(self.workload.completion(chunk, nonce(), most_tokens=1)))
            table.idle_ms.append(await self.first_token_ms(await self.keystroke_later(completion)))
            for way in self.chosen.ways:
                progress(f"run {number + 1} of {len(completions)}: {way}")
                table.ways[way].append(await self.under_load(way, completion))

    async def under_load(self, way: Way, completion: Fitted) -> Sample:
        request = await self.keystroke_later(completion)
        if way == "no priority":
            request = replace(request, priority=Priority.COMPLETION)
        editors = [Admission() for _ in range(self.chosen.editors if way == "ours" else 1)]
        in_flight = self.chosen.reviews
        if way == "ours":
            in_flight = min(in_flight, REVIEW_SEATS * self.chosen.editors)
        async with self.reviewing(way, editors):
            # vLLM gives out its seats step by step, as it reads the prompts.
            await self.until(lambda running, _: running >= min(in_flight, self.chosen.seats))
            async with editors[0].urgent() if way == "ours" else _nothing():
                first_ms = await self.first_token_ms(request)
            begun = self.begun
            return Sample(first_ms, begun, (await self.counts())[1])

    @asynccontextmanager
    async def reviewing(self, way: Way, editors: Sequence[Admission]) -> AsyncIterator[None]:
        """All reviews are wanted; they are given up at the end."""
        self.begun = 0
        rule = Rule(seats=REVIEW_SEATS, give_way="while-read")  # As the flows have it for a vLLM with priorities.
        tasks: list[asyncio.Task[None]] = []
        for editor in itertools.islice(itertools.cycle(editors), self.chosen.reviews):
            request = next(self.requests)
            if way == "no priority":
                request = replace(request, priority=Priority.COMPLETION)
            work = self.wanted(request, editor, rule) if way == "ours" else self.review(request)
            tasks.append(asyncio.ensure_future(work))
        try:
            yield
            failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception()]
            if failed:
                raise NotMeasured(f"A review failed: {failed[0].exception()}")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.until(lambda running, waiting: running + waiting == 0)

    async def wanted(self, request: ChatRequest, editor: Admission, rule: Rule) -> None:
        await editor.background(lambda begun: self.review(request, begun), rule)

    async def review(self, request: ChatRequest, begun: Begun = lambda: None) -> None:
        first = True
        async with aclosing(self.model.chat(request)) as chunks:
            async for chunk in chunks:
                if first and chunk.text:
                    first = False
                    self.begun += 1
                    begun()

    async def keystroke_later(self, completion: Fitted) -> CompletionRequest | ChatRequest:
        """The request of somebody who typed on since the last one, which is sent here."""
        unseen = nonce()
        await self.first_token_ms(self.workload.completion(completion, unseen, most_tokens=1))
        return self.workload.completion(completion, unseen, most_tokens=ANSWER_TOKENS, typed=TYPED_CHARACTERS)

    async def first_token_ms(self, request: CompletionRequest | ChatRequest) -> float:
        begin = time.perf_counter()
        stream = self.model.chat(request) if isinstance(request, ChatRequest) else self.model.complete(request)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                if chunk.text or chunk.finish:
                    return (time.perf_counter() - begin) * 1000
        raise NotMeasured("The server answered a completion with nothing; see its log.")

    async def until(self, condition: Callable[[int, int], bool]) -> None:
        """Until the counts of running and waiting requests are so. vLLM tells nobody; it has to be asked."""
        while True:
            if condition(*await self.counts()):
                return
            await asyncio.sleep(POLL_S)

    async def counts(self) -> tuple[int, int]:
        """Requests that run, and that wait, by vLLM's own metrics."""
        text = (await self.model.document("/metrics") or b"").decode("utf-8", "replace")
        pattern = r"^vllm:num_requests_%s\{.*\} ([\d.e+]+)$"
        found = [re.findall(pattern % state, text, re.MULTILINE) for state in ("running", "waiting")]
        if not all(found):
            raise NotMeasured("The server shows no metrics of vLLM under /metrics; this benchmark needs them.")
        running, waiting = (int(sum(map(float, values))) for values in found)
        return running, waiting


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
