"""Fill-in-the-middle prompts: packed context in, the exact text for `/v1/completions` out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codeassist.context.pack import Packed
from codeassist.prompt.families import Family
from codeassist.prompt.guard import Marker, Text, assemble, one_line
from codeassist.syntax.grammars import line_comment

Piece = Marker | Text


@dataclass(frozen=True, slots=True)
class FimPrompt:
    """`text` is sent raw, to be tokenized with control tokens recognised.

    `stop` holds at most 4 short strings. `stop_token_ids` are the ids known to end an answer; a server that
    is known better may resolve the family's `stop_token_texts` and use those instead.
    """

    text: str
    stop: tuple[str, ...]
    stop_token_ids: tuple[int, ...]


def render_fim(packed: Packed, family: Family, repo_name: str = "", middle: str = "") -> FimPrompt:
    """The prompt that asks for the text between `packed.prefix` and `packed.suffix`.

    Parts come in the order of how rarely they change: repository name, snippets as packed, path, then the code at the
    cursor; names and paths only where there are snippets, unless the family wants them always. `middle` is text that
    the answer must begin with; the server answers with what follows it.
    Raises ValueError for a family without fill-in-the-middle markers.
    """
    if family.kind != "fim":
        raise ValueError(f"the family {family.name!r} has no fill-in-the-middle form; use render_holefill")
    text = assemble(_pieces(packed, family, repo_name, middle), family)
    return FimPrompt(text, family.stop_texts, family.stop_token_ids)


def _pieces(packed: Packed, family: Family, repo_name: str, middle: str) -> Iterator[Piece]:
    # Repository, file and path markers appear with snippets only: alone in front of one file they cost a small Qwen
    # every third of its right answers (path and repository: 21 of 50 lines right, path: 27, neither: 30).
    framed = bool(family.file and (packed.snippets or family.path_alone)) and not _as_comments(packed, family)
    if framed and repo_name and family.repo_name:
        yield from (Marker(family.repo_name), Text(one_line(repo_name)), Marker(family.repo_name_end))
    if framed and family.files_at != "prefix":
        yield from _files(packed, family)
        if family.current_path == "before":
            yield from (Marker(family.file), Text(one_line(packed.path) + "\n"))
        elif family.current_path == "inside":
            yield Marker(family.file)
    prefix = (Marker(family.prefix), *_prefix_head(packed, family, framed), Text(packed.prefix))
    suffix = (Marker(family.suffix), Text(packed.suffix))
    yield from (*prefix, *suffix) if family.order == "psm" else (*suffix, *prefix)
    yield from (Marker(family.middle), Text(middle))


def _prefix_head(packed: Packed, family: Family, framed: bool) -> Iterator[Piece]:
    """What stands between the prefix marker and the code: other files and the path, where the family wants them
    there."""
    if _as_comments(packed, family):
        yield from _commented(packed)
    if framed and family.files_at == "prefix":
        yield from _files(packed, family)
        yield Marker(family.file)
    if framed and family.current_path == "inside":
        yield Text(one_line(packed.path) + "\n")


def _files(packed: Packed, family: Family) -> Iterator[Piece]:
    for snippet in packed.snippets:
        yield Marker(family.file)
        yield Text(f"{one_line(snippet.path)}\n{_ended(snippet.text)}")
        yield Marker(family.file_end)


def _as_comments(packed: Packed, family: Family) -> bool:
    """Whether other files stand in the prompt as comments; markers are for languages without line comments then."""
    return not family.file or (family.files_at == "comments" and bool(line_comment(packed.language)))


def _commented(packed: Packed) -> Iterator[Piece]:
    """Snippets as comments of the file's own language; none where the language has no line comments."""
    sign = line_comment(packed.language)
    if not sign or not packed.snippets:
        return
    for snippet in packed.snippets:
        body = "".join(f"{sign} {line}".rstrip() + "\n" for line in snippet.text.splitlines())
        yield Text(f"{sign} {one_line(snippet.path)}\n{body}\n")
    yield Text(f"{sign} {one_line(packed.path)}\n")


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
