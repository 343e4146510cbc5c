"""Comments by which code asks for silence: `codeassist: ignore`, `ignore[category, other]`, `ignore-file`.

Only what the syntax tree calls a comment counts, in any language; the same words in a string do nothing. They hide
findings and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from codeassist.post.findings import Finding
from codeassist.syntax.comments import comment_at
from codeassist.syntax.languages import line_comment
from codeassist.syntax.tree import Syntax, parses_as_well, reparse
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit, reanchor

if TYPE_CHECKING:
    import tree_sitter

_BLOCKS = {"css": ("/* ", " */"), "html": ("<!-- ", " -->")}
"""How a comment begins and ends where none runs to the end of the line."""
_LINES_ABOVE = 3
"""So far above a finding a comment for it is put at most."""
_WORD = "codeassist:"
# At the beginning of a comment, of a line in it, or behind another sign (`# type: ignore # codeassist: ignore`): prose
# about such comments is none. What is not closed or stands in no list is no category.
_DIRECTIVE = re.compile(
    r"(?:^|[#/*\-;!\[])[ \t]*codeassist:[ \t]*ignore(?P<file>-file)?(?![\w-])"
    r"(?:[ \t]*\[(?P<list>[^\]\n]*)(?P<close>\])?)?",
    re.MULTILINE,
)

Categories = frozenset[str] | None
"""Those that are ignored; None for all of them."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """What the comments of a document ask for: in the whole `file`, and by line, from 0."""

    file: Categories = frozenset()
    lines: Mapping[int, Categories] = field(default_factory=dict)

    @property
    def everything(self) -> bool:
        """Whether nothing at all is to be shown of the document."""
        return self.file is None

    @property
    def silent_lines(self) -> frozenset[int]:
        """The lines of which nothing at all is to be shown."""
        return frozenset(line for line, categories in self.lines.items() if categories is None)

    def covers(self, finding: Finding, document: Document) -> bool:
        """Whether a finding is not to be shown: a comment on any of its lines says so, or one for all of the file."""
        if not self.lines or _holds(self.file, finding.category):
            return _holds(self.file, finding.category)
        first, last = document.position_at(finding.span.start).line, document.position_at(finding.span.end).line
        return any(line in self.lines and _holds(self.lines[line], finding.category) for line in range(first, last + 1))


NOTHING_IGNORED = Ignored()


def ignored(syntax: Syntax) -> Ignored:
    """What the comments of a document ask for. Looks at the places only that hold the word, in one walk."""
    document = syntax.document
    if _WORD not in document.text:
        return NOTHING_IGNORED
    file: Categories = frozenset()
    lines: dict[int, Categories] = {}
    below: dict[int, int] = {}
    for comment in reversed(tuple(_comments(syntax))):  # So that of stacked ones the lower is known before the upper.
        span = syntax.span_of(comment)
        for match in _DIRECTIVE.finditer(document.text, span.start, span.end):
            categories = _categories(match)
            if match["file"]:
                file = _both(file, categories)
                continue
            for line in _lines_meant(syntax, _with_braces(syntax, comment, span), below):
                lines[line] = _both(lines.get(line, frozenset()), categories)
    return Ignored(file, lines)


def silencing_edit(syntax: Syntax, finding: Finding) -> Edit | None:
    """The edit that puts a comment in the finding's way, for its category alone: into one that is there already, at the
    end of the line, or above it where that would not be a comment. None where the language has none."""
    document, category = syntax.document, finding.category
    if not re.fullmatch(r"[\w.-]+", category):
        return None
    for edit in _ways_to_silence(document, finding):
        changed = document.replace([edit], document.version)
        parsed = reparse(syntax, [edit], changed)
        span = reanchor(finding.span, [edit])
        hidden = span is not None and ignored(parsed).covers(replace(finding, span=span), changed)
        if hidden and parses_as_well(syntax, parsed):
            return edit
    return None


def _ways_to_silence(document: Document, finding: Finding) -> Iterator[Edit]:
    """Edits that may do, the best ones first. Only a parse can tell: what looks like a comment may be in a string."""
    category, sign = finding.category, line_comment(document.language)
    first, last = document.position_at(finding.span.start).line, document.position_at(finding.span.end).line
    for line in dict.fromkeys((first, last, first - 1)):
        for match in _DIRECTIVE.finditer(document.text, document.line_start(line), document.line_end(line)):
            if match["close"] and match["list"].strip() and not match["file"]:
                end = Offset(match.end("list"))
                yield Edit(end, end, f", {category}")
    words = f"codeassist: ignore[{category}]"
    opening, closing = (f"{sign} ", "") if sign else _BLOCKS.get(document.language, ("", ""))
    if not opening:
        return
    gap = "  " if sign == "#" else " "
    for line in dict.fromkeys((first, last)):
        text = document.line(line)
        end = Offset(document.line_start(line) + len(text.rstrip()))
        if not text.rstrip().endswith("\\"):  # It would no longer go on in the next line.
            yield Edit(end, document.line_end(line), f"{gap}{opening}{words}{closing}")
    for line in range(first, max(first - _LINES_ABOVE, -1), -1):
        text = document.line(line)
        start = document.line_start(line)
        indent = text[: len(text) - len(text.lstrip())]
        for before, behind in ((opening, closing), ("{/* ", " */}")):
            yield Edit(start, start, f"{indent}{before}{words}{behind}{document.newline}")


def _comments(syntax: Syntax) -> Iterator[tree_sitter.Node]:
    """The comments that hold the word, in order: one walk, into those nodes only that hold it."""
    text = syntax.document.text
    places = [syntax.byte_at(match.start()) for match in re.finditer(re.escape(_WORD), text)]
    at = 0
    cursor = syntax.tree.walk()
    depth = 0
    while at < len(places):
        node = cursor.node
        if node is not None and node.start_byte <= places[at] < node.end_byte:
            if "comment" in node.type:
                yield node
                while at < len(places) and places[at] < node.end_byte:
                    at += 1
                continue
            if cursor.goto_first_child_for_byte(places[at]) is not None:
                depth += 1
                continue
            at += 1
            continue
        if node is not None and places[at] < node.start_byte:
            at += 1  # Between two nodes.
            continue
        while not cursor.goto_next_sibling():
            if depth == 0:
                return
            cursor.goto_parent()
            depth -= 1


def _with_braces(syntax: Syntax, comment: tree_sitter.Node, span: Span) -> Span:
    """A comment between the tags of JSX has braces around it."""
    if span.start == 0 or syntax.document.text[span.start - 1] != "{":
        return span
    parent = comment.parent
    if parent is not None and parent.type == "jsx_expression" and parent.named_child_count == 1:
        return syntax.span_of(parent)
    return span


def _lines_meant(syntax: Syntax, comment: Span, below: dict[int, int]) -> tuple[int, ...]:
    """The lines that a comment speaks of: its own where code stands beside it, else the first below it that does not
    begin with a comment. `below` remembers which that is for a line."""
    document = syntax.document
    text = document.slice(comment)
    first = document.position_at(comment.start)
    # Some grammars count the line end as part of the comment.
    last = document.position_at(Offset(comment.start + len(text.rstrip())))
    lines = []
    if document.line(first.line)[: first.column].strip():
        lines.append(first.line)
    if document.line(last.line)[last.column :].strip():
        lines.append(last.line)
    if lines:
        return tuple(lines)
    passed = []
    line = last.line + 1
    while line not in below and _begins_with_comment(syntax, line):
        passed.append(line)
        line += 1
    line = below.get(line, line)
    below.update(dict.fromkeys((first.line, *passed), line))
    return (line,)


def _begins_with_comment(syntax: Syntax, line: int) -> bool:
    text = syntax.document.line(line)
    blank = len(text) - len(text.lstrip())
    return blank < len(text) and comment_at(syntax, syntax.document.line_start(line) + blank) is not None


def _categories(match: re.Match[str]) -> Categories:
    if match["list"] is None:
        return None
    if match["close"] is None:
        return frozenset()  # Hiding too little is the smaller mistake.
    return frozenset(word for word in re.split(r"[,\s]+", match["list"]) if word)


def _both(one: Categories, other: Categories) -> Categories:
    return None if one is None or other is None else one | other


def _holds(categories: Categories, category: str) -> bool:
    return categories is None or category in categories
