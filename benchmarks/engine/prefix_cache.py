"""An engine's prefix cache, ideal or bounded, on one server or several: what it would have held of recorded prompts.

Prompts are cut into blocks of `BLOCK_TOKENS` tokens, as by vLLM on GPUs. A block is known by itself and all before it.
"""

from __future__ import annotations

import hashlib
import random
from collections import OrderedDict
from collections.abc import Sequence

BLOCK_TOKENS = 16

Chain = tuple[bytes, ...]
"""One prompt: the names of its whole blocks, in order."""


def chain_of(tokens: Sequence[str]) -> Chain:
    """The names of the whole blocks of a prompt. The last token is never looked up: engines compute it anyway."""
    state, names = hashlib.blake2b(digest_size=12), []
    for at in range(0, len(tokens) - 1 - (len(tokens) - 1) % BLOCK_TOKENS, BLOCK_TOKENS):
        state.update("\0".join(tokens[at : at + BLOCK_TOKENS]).encode("utf-8", "surrogatepass"))
        names.append(state.digest())
    return tuple(names)


class PrefixCache:
    """Of one server. `blocks`: how many it holds, the least recently used go first; None for all."""

    def __init__(self, blocks: int | None = None) -> None:
        self._blocks = blocks
        self._held: OrderedDict[bytes, None] = OrderedDict()

    def read(self, chain: Chain) -> int:
        """How many tokens of a prompt are held; all of its blocks are then."""
        hits = 0
        for name in chain:
            if name not in self._held:
                break
            hits += 1
        # The end of a prompt is of least use to the next one, so it counts as used before its beginning.
        for name in reversed(chain):
            self._held[name] = None
            self._held.move_to_end(name)
        while self._blocks is not None and len(self._held) > self._blocks:
            self._held.popitem(last=False)
        return hits * BLOCK_TOKENS


def cached_tokens(chains: Sequence[Chain], *, tokens_held: int | None = None, servers: int = 1, seed: int = 1) -> int:
    """What `servers` caches of `tokens_held` tokens each would have held of these prompts, each prompt going to any of
    them: what happens without session affinity."""
    chance = random.Random(seed)
    blocks = None if tokens_held is None else tokens_held // BLOCK_TOKENS
    caches = [PrefixCache(blocks) for _ in range(servers)]
    return sum(chance.choice(caches).read(chain) for chain in chains)
