"""Texts and edits for property tests: line ends of all kinds, wide and broken characters."""

from __future__ import annotations

from hypothesis import strategies as st

from codeassist.text.edits import Edit
from codeassist.text.spans import Offset

TRICKY = "\r\n\r\n\n\rab \t\0\f\v\x85\u2028é€😀\ud83d\ude00x"

texts = st.text(alphabet=TRICKY, max_size=40)


@st.composite
def edits_of(draw: st.DrawFn, length: int, most: int = 4) -> list[Edit]:
    """Edits of a text of that length that do not overlap, in any order."""
    places = sorted(draw(st.lists(st.integers(0, length), min_size=0, max_size=2 * most)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    made = [Edit(Offset(start), Offset(end), draw(st.text(alphabet=TRICKY, max_size=5))) for start, end in pairs]
    return draw(st.permutations(made))
