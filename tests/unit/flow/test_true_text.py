"""The finishing of completions, all rules together, on real code: nothing is doubled or broken, and little is silenced.

The model knows the file, writes what is missing at a random place, and goes on with what follows, as models do; the
stream comes in pieces that are cut anywhere. What rules do with wrong answers is in tests/cases/completion.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.flow.true_text import Place, Verdict, corpus, judged, place, shown_at

PLACES = 300
LEAST_RIGHT = 0.97
"""The share of places at which exactly what is missing is shown, or its beginning; it was 0.99 at first."""
HARMFUL: tuple[Verdict, ...] = ("doubled", "worse")

files = st.sampled_from(corpus())


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_true_text_does_no_harm(data: st.DataObject) -> None:
    file = data.draw(files, label="file")
    at = data.draw(st.integers(0, len(file[2])), label="at")
    within = data.draw(st.none() | st.integers(1, 12), label="within")
    where = place(file, at, data.draw(st.integers(0, 6), label="lines"), within)
    cuts = data.draw(st.lists(st.integers(0, len(where.answer)), max_size=60), label="cuts")
    verdict, seen = asyncio.run(_verdict(where, cuts))
    assert verdict not in HARMFUL, seen


def test_true_text_is_seldom_silenced() -> None:
    """Always the same places: a rule that silences more than it mends fails here."""
    draw = random.Random(5)
    counts: Counter[str] = Counter()
    silent: list[str] = []
    while counts.total() < PLACES:
        name, language, text = draw.choice(corpus())
        within = draw.choice([None, None, None, draw.randint(1, 12)])
        where = place((name, language, text), draw.randrange(len(text)), draw.randint(0, 6), within)
        if not where.missing.split("\n", 1)[0].strip():
            continue  # Nothing is missing on the line: silence is right.
        verdict, seen = asyncio.run(_verdict(where, range(0, len(where.answer), 7)))
        counts[verdict] += 1
        silent += [seen] if verdict != "right" else []
    assert counts["right"] >= LEAST_RIGHT * PLACES, "\n".join([str(counts), *silent])


async def _verdict(where: Place, cuts: range | list[int]) -> tuple[Verdict, str]:
    answer = await shown_at(where, cuts)
    text = answer.item.text if answer.item else answer.skip
    line = where.text.count("\n", 0, where.at) + 1
    verdict = judged(where, answer.item)
    return verdict, f"{verdict} at {where.name}:{line}, {where.missing!r} before {where.closers!r}: {text!r}"
