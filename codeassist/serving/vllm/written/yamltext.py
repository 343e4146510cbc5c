"""Plain values as YAML text, for files that people read and change: no anchors, no tags."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z0-9/_.-][A-Za-z0-9/_.,=@ -]*(:[A-Za-z0-9/_.-]+)*")
_TAKEN = re.compile(r"true|false|yes|no|on|off|null|~|y|n|-+|[-+]?[0-9.][0-9a-f._xo:+-]*", re.IGNORECASE)
"""What YAML reads as something else than a string: words, numbers, dates and times of any of its versions."""
_UNPRINTABLE = re.compile(r"[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What JSON leaves as it is in a string, and YAML forbids or reads as the end of a line."""
_COMMENT = "#"


def yaml_text(value: Mapping[str, Any]) -> str:
    """`value` in block style. A key that begins with `#` is a comment line before the key that follows it."""
    return "".join(f"{line}\n" for line in _mapping(value, ""))


def _mapping(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, item in value.items():
        if key.startswith(_COMMENT):
            for line in str(item).splitlines():
                yield f"{indent}# {''.join(c if c.isprintable() else ' ' for c in line)}"
        elif isinstance(item, Mapping) and item:
            yield f"{indent}{_scalar(key)}:"
            yield from _mapping(item, indent + "  ")
        elif _is_list(item) and item:
            yield f"{indent}{_scalar(key)}:"
            yield from _sequence(item, indent + "  ")
        else:
            yield f"{indent}{_scalar(key)}: {_scalar(item)}"


def _sequence(value: Sequence[Any], indent: str) -> Iterator[str]:
    for item in value:
        if isinstance(item, Mapping) and item:
            first, *rest = _mapping(item, indent + "  ")
            yield f"{indent}- {first.strip()}"
            yield from rest
        else:
            yield f"{indent}- {_scalar(item)}"


def _is_list(item: Any) -> bool:
    return isinstance(item, Sequence) and not isinstance(item, str)


def _scalar(item: Any) -> str:
    """A JSON scalar is a YAML scalar; strings stay bare where nothing else could be read in them."""
    if isinstance(item, str):
        bare = (
            _PLAIN.fullmatch(item) and not _TAKEN.fullmatch(item) and not item.startswith("- ") and item == item.strip()
        )
        return item if bare else _UNPRINTABLE.sub(_escaped, json.dumps(item, ensure_ascii=False))
    return json.dumps(item, ensure_ascii=False)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
