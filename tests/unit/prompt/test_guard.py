from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.prompt.families import FAMILIES, Family, family
from codeassist.prompt.fim import render_fim
from codeassist.prompt.guard import Marker, Text, assemble, defuse, holds_control, one_line
from codeassist.prompt.holefill import render_holefill
from codeassist.prompt.review import CodeLine, Extract, Material, review_turns, second_look
from tests.unit.prompt.making import control_tokens_in, packed

QWEN = family("qwen-coder")
ALL = pytest.mark.parametrize("entry", FAMILIES.values(), ids=FAMILIES)
FIM = [entry for entry in FAMILIES.values() if entry.kind == "fim"]
ALL_FIM = pytest.mark.parametrize("entry", FIM, ids=[entry.name for entry in FIM])


def shards(entry: Family) -> st.SearchStrategy[str]:
    """Texts made of whole control tokens, of their halves, and of what could glue halves together."""
    pieces = {"<", ">", "|", "[", "]", "｜", "▁", "\n", "\r", " ", "a", "x1", "\x00", "\ud83d", "`", "/", "_"}
    for token in entry.control_tokens:
        middle = len(token) // 2
        pieces |= {token, token[:1], token[1:], token[:-1], token[-1:], token[:middle], token[middle:]}
    return st.lists(st.sampled_from(sorted(pieces)), max_size=8).map("".join)


@ALL
def test_every_control_token_is_broken_by_one_space(entry: Family) -> None:
    for token in entry.control_tokens:
        assert holds_control(f"x{token}y", entry)
        safe = defuse(f"x{token}y", entry)
        assert not control_tokens_in(safe, entry)
        assert safe.replace(" ", "") == f"x{token}y"


@ALL
def test_ordinary_code_comes_back_unchanged(entry: Family) -> None:
    code = (
        "if (a < b && c[0] <= d >> 2) { x |= y; } // <html lang='en'> [x](y) List<Map<String, int[]>>\n\t'ｆｕｌｌ'\n"
    )
    assert defuse(code, entry) == code
    assert not holds_control(code, entry)


@ALL
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_defusing_leaves_no_control_token_and_changes_nothing_twice(entry: Family, data: st.DataObject) -> None:
    text = data.draw(shards(entry))
    safe = defuse(text, entry)
    assert control_tokens_in(safe, entry) == []
    assert defuse(safe, entry) == safe
    assert safe.replace(" ", "") == text.replace(" ", "").replace("\ud83d", "\ufffd")


@ALL_FIM
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_a_prompt_holds_the_control_tokens_of_its_template_and_no_others(entry: Family, data: st.DataObject) -> None:
    text = shards(entry)
    count = data.draw(st.integers(0, 2))
    hostile = render_fim(
        packed(
            data.draw(text),
            data.draw(text),
            path="a" + data.draw(text),
            snippets=tuple(("s" + data.draw(text), data.draw(text)) for _ in range(count)),
        ),
        entry,
        "r" + data.draw(text),
        data.draw(text),
    )
    harmless = render_fim(packed("p", "s", path="a", snippets=(("s", "t"),) * count), entry, "r", "m")
    assert control_tokens_in(hostile.text, entry) == control_tokens_in(harmless.text, entry)
    hostile.text.encode()


@ALL
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_chat_turns_hold_no_control_token_at_all(entry: Family, data: st.DataObject) -> None:
    text = shards(entry)
    snippets = ((data.draw(text), data.draw(text)),)
    hole = render_holefill(packed(data.draw(text), data.draw(text), path=data.draw(text), snippets=snippets), entry)
    lines = (CodeLine(1, "+", data.draw(text)), CodeLine(None, "-", data.draw(text)), CodeLine(2, " ", data.draw(text)))
    material = Material(
        path=data.draw(text),
        language="python",
        extracts=(Extract(lines, data.draw(text), (data.draw(text),)),),
        above=data.draw(text),
        snippets=packed("", snippets=snippets).snippets,
    )
    review = review_turns(material, entry, explain_in=data.draw(text), notes=(data.draw(text),))
    review = second_look(review, data.draw(text), entry, answer="verdict")
    for turn in (*hole, *review):
        assert control_tokens_in(turn.content, entry) == []
        turn.content.encode()


def test_halves_in_neighbouring_texts_do_not_meet() -> None:
    joined = assemble((Text("<|im_"), Text("start|>"), Marker(QWEN.prefix), Text("x")), QWEN)
    assert joined == "< |im_start|><|fim_prefix|>x"


def test_the_end_of_a_text_does_not_swallow_the_marker_after_it() -> None:
    greedy = Family.model_validate(
        {
            "name": "greedy",
            "kind": "fim",
            "match": [],
            "prefix": "<P>",
            "suffix": "<S>",
            "control_tokens": ["<P>", "<S>", "[[<P>"],
            "source": "made up: one token ends like another begins",
        }
    )
    assert assemble((Text("a[["), Marker("<P>"), Text("b")), greedy) == "a[ [<P>b"


def test_a_path_stays_on_its_line() -> None:
    assert one_line("a\nb\r\nc\u2028d\x85e\x00.py") == "a?b?c?d?e?.py"
    assert one_line("x/" * 400 + "end.py").endswith("/x/end.py")
    assert len(one_line("x" * 1000)) == 240


def test_overlapping_tokens_are_all_broken() -> None:
    deepseek = family("deepseek-v4")
    text = "<｜<｜User｜>User｜><<|EOT|>"
    assert control_tokens_in(text, deepseek) != []
    assert control_tokens_in(defuse(text, deepseek), deepseek) == []
