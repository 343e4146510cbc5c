"""What stands before the dot at the cursor, and of which type it may be, as far as the text tells.

Annotations, constructor calls and `self`: cheap, wrong at times, and right often enough to know whose members to show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from codeassist.context.cursor import CursorView
from codeassist.syntax.outline import Symbol

_BEFORE_DOT = re.compile(r"((?:[^\W\d]\w*(?:\([^()\n]*\)|\[[^\[\]\n]*\])*(?:\?|!)?(?:\.|->|::))+)\w*$")
_STEP = re.compile(r"\.|->|::")
_SELF = frozenset({"self", "cls", "this", "super"})
_TYPES = frozenset({"class", "interface", "struct", "enum", "implementation"})
_TYPE_NAME = re.compile(r"[^\W\d]\w*")
_NO_TYPE = frozenset({
    "None", "Optional", "Union", "List", "Dict", "Set", "Tuple", "Sequence", "Mapping", "Iterable", "Iterator",
    "Any", "Awaitable", "Callable", "Literal", "Final", "ClassVar", "Annotated", "Type", "Promise", "Array", "Map",
    "Record", "Partial", "Readonly", "Vec", "Option", "Result", "Box", "Arc", "Rc", "String", "await", "new",
    "return", "yield", "async", "self", "cls", "this", "super", "if", "else", "in", "is", "not", "and", "or", "for",
    "while", "with", "as", "const", "let", "var", "val", "mut", "ref", "string", "number", "boolean", "bool", "int",
    "str", "float", "bytes", "object", "dict", "list", "set", "tuple", "void", "null", "undefined", "never",
    "unknown", "any", "dyn", "impl", "readonly", "keyof", "typeof",
})  # fmt: skip
_ANNOTATION = r"(?:\[(?:[^\[\]\n]|\[(?:[^\[\]\n]|\[[^\[\]\n]*\])*\])*\]|<(?:[^<>\n]|<[^<>\n]*>)*>|[^=;,)(\n{\[<])+"
"""A type up to its end: commas count inside brackets only, and brackets nest twice."""
_IT = "\x00"
"""Stands for the name that is asked about, so that what tells of it is the same pattern for every name."""
_TELLING: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(telling.replace("IT", _IT)))
    for kind, telling in (
        ("types", rf"IT[?]?[ \t]*:[ \t]*({_ANNOTATION})"),
        ("types", r"\b([A-Z][\w.]{0,80}(?:<[^<>]{0,80}>)?)(?:\s{0,4}[*&]{1,3}\s{0,4}|\s{1,4})IT\s{0,4}[=;,)]"),
        ("types", r"IT\s{0,4}=.{0,200}?\bas\s{1,4}([\w.]+)"),
        ("guard", r"\bisinstance\(\s{0,4}IT\s{0,4},\s{0,4}\(?([\w., ]{1,200})"),
        ("guard", r"IT\s{1,4}instanceof\s{1,4}([\w.]+)"),
        ("types", r"\b(?:except|catch)\s{0,4}\(?([\w., |]{1,200}?)\)?\s{1,4}(?:as\s{1,4})?IT"),
        ("call", r"IT\s{0,4}(?::[^=]{1,200})?:?=\s{0,4}(?:await\s{1,4}|new\s{1,4}|&){0,2}([\w.:]{1,200})\s{0,4}[({<]"),
        ("call", r"(?<![\w.])([\w.]{1,200})\(.{0,200}?\)\s{1,4}as\s{1,4}IT"),
        (
            "alias",
            r"IT\s{0,4}(?::[^=]{1,200})?:?=\s{0,4}(?:await\s{1,4})?([^\W\d][\w.]{0,200})"
            r"\s{0,4}(?:;|,|$|\bor\b|\bif\b|\?\?|\|\|)",
        ),
        (
            "alias",
            r"\bfor\s{0,4}\(?(?:const|let|var|auto)?\s{0,4}[&*]{0,2}IT\s{1,4}(?:in|of)\s{1,4}"
            r"([^\W\d][\w.]{0,200})\s{0,4}[:){]",
        ),
    )
)
_SURER = ("alias", "call", "guard", "types")
"""Of what is told of a name in one place, the last counts most: `Gadget t = registry.find()` declares a Gadget."""
_COMMENT = re.compile(r"\s*(?:#|//).*")
_OF_TYPES = re.compile(r"\b(?:mut|dyn|impl|keyof|typeof|readonly|unique|infer|const|extends|in|out|or|is|as)\b")
_PROSE = re.compile(rf"[\w{_IT}][ \t]+[\w{_IT}]")
"""Words with nothing but space between: `storage: Token storage that is used.` in a docstring names no type."""
_OF_CONTAINER = frozenset(
    {"get", "pop", "popleft", "values", "items", "setdefault", "copy", "first", "last", "at", "find", "unwrap", "next"}
)
"""What these give is what the container holds, and that stands in its annotation."""
_EXPRESSION_CHARACTERS = 160
_LOOK_BACK = 20_000
_MOST_LINES, _LINE_CHARACTERS = 40, 400
_MOST_ALIASES = 2
"""`a = self.b` is followed to what `self.b` is, and so on."""
_TYPE_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Receiver:
    """`chain`: the names before the dot, from the first one whose type is guessed at. `types`: of what that may be an
    instance, likeliest first. `called`: functions whose result it is; their signatures name it. `name`: the last name
    before the dot as it is written, "" where a call or an index stands between.

    `self.client.` in a class `Cart(Base)` that says nothing of `client` is ("self", "client") of types Cart and Base.
    """

    chain: tuple[str, ...]
    types: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    name: str = ""


def receiver_at(view: CursorView) -> Receiver | None:
    """The receiver at the cursor; None if there is no dot before it."""
    before = _BEFORE_DOT.search(view.line_prefix[-_EXPRESSION_CHARACTERS:])
    if before is None:
        return None
    text = view.document.text[max(0, view.offset - _LOOK_BACK) : view.offset - len(before.group())]
    names = _names(before.group(1))
    name = "" if before.group(1).rstrip(".:->?!")[-1:] in (")", "]") else names[-1]
    if re.match(r"\w+\(", before.group(1)) and not names[0][:1].isupper():
        return Receiver(("", *names[1:]), (), names[:1], name)
    return replace(_receiver(names, text, view.scopes, _MOST_ALIASES), name=name)


def _names(expression: str) -> tuple[str, ...]:
    """The names of `a.b(c.d)[0].e`: a, b, e."""
    plain = re.sub(r"\([^()\n]*\)|\[[^\[\]\n]*\]", "", expression)
    return tuple(re.sub(r"\W", "", name) for name in _STEP.split(plain) if name)


def _receiver(chain: tuple[str, ...], text: str, scopes: Sequence[Symbol], aliases: int) -> Receiver:
    head, rest = chain[0], chain[1:]
    if head not in _SELF and head[:1].isupper():
        return Receiver(chain, (head,))
    if head not in _SELF:
        found = _declared(re.escape(head), text, scopes, aliases)
        if found is not None:
            return Receiver((*found.chain, *rest), found.types, found.called)
        return Receiver(chain)
    owner = next((scope for scope in reversed(scopes) if scope.kind in _TYPES), None)
    if rest:
        found = _declared(rf"{head}\s*(?:\.|->)\s*{re.escape(rest[0])}", text, scopes, aliases)
        found = found or _declared(re.escape(rest[0]), _members_of(text, owner), (), 0)
        if found is not None:
            return Receiver((*found.chain, *rest[1:]), found.types, found.called)
    return Receiver(chain, types_in_header(owner) if owner else ())


def _members_of(text: str, owner: Symbol | None) -> str:
    """The text from the header of a class on, where its fields are declared."""
    at = text.rfind(owner.signature.split("(")[0].split("{")[0].strip()) if owner else -1
    return text[at:] if at >= 0 else ""


def types_in_header(scope: Symbol) -> tuple[str, ...]:
    """The type itself and what its first line says it is derived from."""
    names = [name for name in _TYPE_NAME.findall(scope.signature) if name not in _NO_TYPE and name[:1].isupper()]
    return tuple(dict.fromkeys((scope.name, *names)))


def types_in(annotation: str) -> tuple[str, ...]:
    """The names of types in an annotation, without containers and built-in ones: `Optional[Cart]` is a `Cart`."""
    found = (name for name in _TYPE_NAME.findall(annotation[:_TYPE_CHARACTERS]) if name not in _NO_TYPE)
    return tuple(dict.fromkeys(found))


def _declared(pattern: str, text: str, scopes: Sequence[Symbol], aliases: int) -> Receiver | None:
    """What the nearest telling line above says of `pattern`; None if there is none."""
    name = re.compile(rf"(?<![\w.]){pattern}(?!\w)")
    guarded: tuple[str, ...] = ()
    for at, line in _lines_with(name, text, scopes):
        told = sorted(
            (line.index(_IT, match.start()), _SURER.index(kind), kind, match.group(1))
            for kind, telling in _TELLING
            for match in telling.finditer(line)
        )
        for _, _, kind, what in reversed(told):
            if kind == "guard":  # It may also be what the rest of the function is not for.
                guarded = guarded or types_in(what)
                continue
            receiver = _told(kind, what, text[:at], scopes, aliases)
            if receiver is not None:
                more = guarded if len(receiver.chain) == 1 else ()
                return replace(receiver, types=tuple(dict.fromkeys((*more, *receiver.types))))
    return Receiver(("",), guarded) if guarded else None


def _lines_with(name: re.Pattern[str], text: str, scopes: Sequence[Symbol]) -> Iterator[tuple[int, str]]:
    """The lines that hold the name, the nearest first, with where they begin; `_IT` stands for it.

    At the end the first lines of the scopes around, which may lie above `text`.
    """
    end, lines = len(text), 0
    while end > 0 and lines < _MOST_LINES:
        start = text.rfind("\n", 0, end) + 1
        line, count = name.subn(_IT, text[start:end][:_LINE_CHARACTERS])
        if count:
            lines += 1
            yield start, line
        end = start - 1
    for scope in reversed(scopes):
        line, count = name.subn(_IT, scope.signature)
        if count:
            yield 0, line


def _told(kind: str, told: str, above: str, scopes: Sequence[Symbol], aliases: int) -> Receiver | None:
    if kind == "types":
        told = _COMMENT.sub("", told)
        types = () if _PROSE.search(_OF_TYPES.sub("", told)) else types_in(told)
        return Receiver(("",), types) if types else None
    names = _names(told.replace("::", "."))
    if not names or names[-1] in _NO_TYPE or names[0] in _NO_TYPE - _SELF:
        return None
    if kind == "alias":
        return _receiver(names, above, scopes, aliases - 1) if aliases > 0 else None
    if names[-1][:1].isupper():
        return Receiver(("",), (names[-1],))
    if len(names) == 1 or aliases <= 0:
        return Receiver(("",), (), names[-1:])
    of = _receiver(names[:-1], above, scopes, aliases - 1)
    return of if names[-1] in _OF_CONTAINER else Receiver((*of.chain, names[-1]), of.types, names[-1:])
