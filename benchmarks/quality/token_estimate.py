"""How far `codeassist.context.tokens.estimate_tokens` is from a real tokenizer.

    python benchmarks/quality/token_estimate.py http://127.0.0.1:8000 FOLDER [FOLDER...]
    python benchmarks/quality/token_estimate.py unix:///run/engine.sock FOLDER --window 700

Cuts windows out of the source files under the folders, no kind of file more than a fifth of them, counts their tokens
with the server's `/tokenize` (vLLM or llama.cpp) and prints how the estimates compare, over all and for each kind.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx

from codeassist.context.tokens import estimate_tokens

SUFFIXES = frozenset((
    ".py", ".pyi", ".js", ".jsx", ".ts", ".tsx", ".go", ".rs", ".java", ".c", ".h", ".cpp", ".hpp", ".cs", ".rb",
    ".php", ".sh", ".lua", ".kt", ".swift", ".scala", ".html", ".css", ".json", ".yaml", ".yml", ".toml", ".md",
))  # fmt: skip
SHORTEST = 50
"""Characters; less says nothing."""

LONGEST_LINE = 500
"""Characters; generated and minified code, in which nobody completes, has longer ones."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="http://HOST:PORT or unix:///PATH of a running server")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--window", type=int, default=4000, help="characters of one sample (default 4000)")
    parser.add_argument("--samples", type=int, default=1000, help="how many at most (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--api-key", help="if the server wants one")
    arguments = parser.parse_args()
    ratios: defaultdict[str, list[float]] = defaultdict(list)
    with client(arguments.url, arguments.api_key) as server:
        chosen = random.Random(arguments.seed)
        try:
            server.get("/health").raise_for_status()
        except httpx.HTTPError as error:
            parser.error(f"{arguments.url} does not answer: {error}")
        for path in files(arguments.folders, arguments.samples, chosen):
            text = path.read_text(encoding="utf-8", errors="replace")
            start = chosen.randrange(max(1, len(text) - arguments.window))
            window = text[start : start + arguments.window]
            if len(window) >= SHORTEST and max(map(len, window.splitlines())) <= LONGEST_LINE:
                ratios[path.suffix].append(estimate_tokens(window) / count(server, window))
    print("| files | windows | more than 5 % low | lowest | median | 95th percentile |")
    print("|---|---|---|---|---|---|")
    every = [ratio for kind in ratios.values() for ratio in kind]
    for kind, values in (("all", every), *sorted(ratios.items())):
        print(row(kind, values))


def client(url: str, key: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if url.startswith("unix://"):
        transport = httpx.HTTPTransport(uds=url.removeprefix("unix://"))
        return httpx.Client(transport=transport, base_url="http://localhost", headers=headers, timeout=60)
    return httpx.Client(base_url=url.removesuffix("/").removesuffix("/v1"), headers=headers, timeout=60)


def files(folders: list[Path], most: int, chosen: random.Random) -> Iterator[Path]:
    found = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file()
    )
    chosen.shuffle(found)
    taken: Counter[str] = Counter()
    for path in found:
        if taken.total() < most and taken[path.suffix] < max(1, most // 5):
            taken[path.suffix] += 1
            yield path


def count(server: httpx.Client, text: str) -> int:
    """Tokens of `text` without those that a server adds. vLLM reads `prompt`, llama.cpp `content`."""
    wanted = {
        "prompt": text,
        "add_special_tokens": False,
        "content": text,
        "add_special": False,
        "parse_special": False,
    }
    answer = server.post("/tokenize", json=wanted).raise_for_status().json()
    return max(1, len(answer["tokens"]))


def row(kind: str, values: list[float]) -> str:
    if not values:
        return f"| {kind} | 0 | | | | |"
    ordered = sorted(values)
    low = sum(value < 0.95 for value in ordered) / len(ordered)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"| {kind} | {len(ordered)} | {low:.1%} | {ordered[0]:.2f} | {statistics.median(ordered):.2f} | {high:.2f} |"


if __name__ == "__main__":
    main()
