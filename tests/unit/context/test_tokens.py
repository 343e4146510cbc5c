from __future__ import annotations

import pytest

from codeassist.context.tokens import estimate_tokens

# Counted by the tokenizer of Qwen2.5-Coder.
KNOWN = {
    "python": (
        '''def total(self, prices: list[Price], *, rate: float = 0.19) -> Price:
    """Sum the prices and add the tax."""
    net = sum((price.cents for price in prices if price is not None), start=0)
    if net < 0:
        raise ValueError(f"negative total: {net!r}")
    return Price(cents=round(net * (1 + rate)), currency=self.currency)
''',
        94,
    ),
    "typescript": (
        """export async function loadBasket(userId: string, client: HttpClient): Promise<Basket> {
  const response = await client.get(`/users/${userId}/basket`, { timeoutMs: 2_000 });
  if (!response.ok) {
    throw new BasketError(response.status, await response.text());
  }
  return BasketSchema.parse(await response.json());
}
""",
        74,
    ),
    "c": (
        """static int ring_push(struct ring *ring, const uint8_t *data, size_t length)
{
\tif (ring->used + length > RING_CAPACITY)
\t\treturn -ENOSPC;
\tmemcpy(&ring->bytes[(ring->head + ring->used) & RING_MASK], data, length);
\tring->used += length;
\treturn 0;
}
""",
        75,
    ),
    "json": ('{"name": "shop", "version": "1.20.3", "scripts": {"test": "vitest run"}, "private": true}\n' * 4, 132),
    "chinese": ("# 计算购物车中所有商品的总价,然后加上税。\n" * 3, 48),
    "ruler": ("# " + "-" * 76 + "\n# Prices\n# " + "=" * 76 + "\n", 7),
    "hexadecimal": ("3f9c01ab77de40258bb1e6a2c95d0f4417ce83", 34),
}


@pytest.mark.parametrize(("text", "counted"), KNOWN.values(), ids=KNOWN)
def test_is_near_the_real_count_and_seldom_below(text: str, counted: int) -> None:
    assert counted <= estimate_tokens(text) <= counted * (1.25 if text.isascii() else 1.6) + 4


def test_nothing_is_nothing_and_more_is_not_less() -> None:
    assert estimate_tokens("") == 0
    text = KNOWN["python"][0]
    counts = [estimate_tokens(text[:end]) for end in range(len(text))]
    assert counts == sorted(counts)


def test_strange_characters_count_at_least_one_each() -> None:
    assert estimate_tokens("\ud83d\u2028\x00é🚀") >= 4
