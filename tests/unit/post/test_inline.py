"""What no single case can show: that no answer and no cursor makes the last step fail or leave its line."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.post.inline import finish_inline
from codeassist.post.skip import Skip
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset

BRACKETS = ("(", ")", "):", "}", "{", "[", "]", '"', "'", '"""', "`", ",", ";", "</a>")
WORDS = ("def f(", "x", "return", "print(x)", "end", "# c", "// c", "\ud800", "🌊", "\\")
BLANKS = (" ", "\n", "    ", "\r\n", "\t", "\x0c")
PIECES = st.sampled_from((*BRACKETS, *WORDS, *BLANKS))
TEXTS = st.lists(PIECES, max_size=14).map("".join)
LANGUAGES = st.sampled_from(["python", "typescript", "ruby", "html", "rust", ""])


@settings(deadline=None, max_examples=200)
@given(TEXTS, TEXTS, TEXTS, LANGUAGES)
@example("", "((", "\n(", "python")
@example("", ")\n(", "\n(", "python")
@example("", ")", "\x0c\n(", "python")
def test_any_answer_at_any_cursor(before: str, after: str, answer: str, language: str) -> None:
    document = Document.create("file:///a", before + after, language, 1)
    syntax = parse(document)
    view = cursor_view(syntax or document, Offset(len(before)), ContextLimits(prompt_tokens=256))
    shown = finish_inline(answer, view, syntax)
    if isinstance(shown, Skip):
        return
    assert shown.text.strip()
    assert shown.span.start == view.offset
    assert shown.span.end <= view.offset + len(view.line_suffix)
    if document.newline == "\r\n":
        assert "\n" not in shown.text.replace("\r\n", "")
    else:
        assert "\r" not in shown.text
