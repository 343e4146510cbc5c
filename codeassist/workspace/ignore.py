"""Which files of a folder git, `.codeassistignore` and the user's settings leave out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from codeassist.workspace import git

IGNORE_FILES = (".gitignore", ".codeassistignore")
"""Read in every folder; where both decide, the later one wins."""
NEVER = frozenset({".git", ".hg", ".svn", ".jj", "CVS"})
"""Folders of version control: no rule brings them back."""
_UNASKED = (
    "node_modules/", "bower_components/", "__pycache__/", ".tox/", ".nox/", ".mypy_cache/", ".pytest_cache/",
    ".ruff_cache/", ".eggs/", ".gradle/", ".terraform/", ".next/", ".nuxt/", ".cache/", ".direnv/", "*.min.js",
    "*.min.css", "*.min.mjs",
)  # fmt: skip
"""Left out where no rule says otherwise; `!node_modules/` in `.codeassistignore` brings one back."""
_MOST_STARS = 3
_MOST_BYTES = 1_000_000
_SPECIAL = re.compile(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterns of one file. `cut`: characters of a path to drop, `prefix`: what to put in front, so that it is
    relative to the file's folder."""

    cut: int
    prefix: str
    ordered: tuple[tuple[re.Pattern[str], bool], ...]
    """Last pattern first, each with whether it leaves out."""
    names: frozenset[str]
    endings: frozenset[str]
    others: re.Pattern[str] | None

    def decide(self, path: str, name: str, is_folder: bool) -> bool | None:
        """True: left out, False: brought back, None: no pattern matches."""
        if name not in self.names and name[name.rfind(".") :] not in self.endings:
            if self.others is None:
                return None
            if not self.others.fullmatch(self._relative(path, is_folder)):
                return None
        inside = self._relative(path, is_folder)
        for pattern, leaves_out in self.ordered:
            if pattern.fullmatch(inside):
                return leaves_out
        return None

    def _relative(self, path: str, is_folder: bool) -> str:
        return f"{self.prefix}{path[self.cut :]}/" if is_folder else self.prefix + path[self.cut :]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that hold in one folder, strongest first. Frozen: `inside` gives those of a folder below."""

    levels: tuple[Patterns, ...]
    first: int = 0
    """How many of the levels are stronger than any file: those of the settings."""

    def ignores(self, path: str, name: str, is_folder: bool) -> bool:
        """Whether an entry is left out. `path` is relative to the workspace folder with "/" as separator.

        Says nothing of the folders around it: who walks does not enter an ignored folder.
        """
        if is_folder and name in NEVER:
            return True
        for level in self.levels:
            decision = level.decide(path, name, is_folder)
            if decision is not None:
                return decision
        return False

    def inside(self, folder: str, absolute: str, files: Iterable[str]) -> Rules:
        """The rules in `folder` (relative, "" or ending in "/"), given which of IGNORE_FILES and `.git` lie there."""
        present = [name for name in IGNORE_FILES if name in files]
        # A repository inside of the workspace folder; of the one around it `rules_at` knows.
        exclude = _lines(git.common_folder(Path(absolute)) / "info" / "exclude") if folder and ".git" in files else []
        if not present and not exclude:
            return self
        own = _from_lines(
            [*exclude, *(line for name in present for line in _lines(os.path.join(absolute, name)))],  # noqa: PTH118  Hot.
            cut=len(folder),
        )
        if own is None:
            return self
        return Rules((*self.levels[: self.first], own, *self.levels[self.first :]), self.first)


def leaves_out(patterns: tuple[str, ...], path: str) -> bool:
    """Whether patterns of the settings, as in `.gitignore`, leave a file out, by its name or by a folder around it.
    `path` is relative to the workspace folder with "/" as separator."""
    return _leaves_out(patterns, path) if patterns else False


@lru_cache(maxsize=1024)
def _leaves_out(patterns: tuple[str, ...], path: str) -> bool:
    made = _from_lines([pattern for each in patterns if (pattern := _without_many_stars(each))])
    if made is None:
        return False
    parts = path.split("/")
    ways = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(made.decide(way, parts[depth], depth < len(parts) - 1) for depth, way in enumerate(ways))


def _without_many_stars(pattern: str) -> str:
    """A pattern that is matched in reasonable time, whoever wrote it and whatever the file is called: a name with more
    than three `*` is read as its beginning and its end. That leaves more out; one that brings back is dropped."""
    parts = pattern.split("/")
    many = [part.count("*") > _MOST_STARS for part in parts]
    if any(many) and pattern.startswith("!"):
        return ""
    ends = [
        f"{part[: part.index('*')]}*{part[part.rindex('*') + 1 :]}" if long else part
        for part, long in zip(parts, many, strict=True)
    ]
    return "/".join(ends)


def rules_at(root: Path, exclude: Sequence[str] = ()) -> Rules:
    """The rules at a workspace folder, before its own files are read: settings, the files of the git folders around
    it, `.git/info/exclude`, and the user's global excludes."""
    strong = [made] if (made := _from_lines(list(exclude))) else []
    levels: list[Patterns | None] = []
    repository = git.repository_of(root)
    if repository is not None:
        for folder in (around for around in root.parents if around == repository or repository in around.parents):
            prefix = root.relative_to(folder).as_posix() + "/"
            levels += [_from_lines(_lines(folder / name), prefix=prefix) for name in reversed(IGNORE_FILES)]
        inside = "" if root == repository else root.relative_to(repository).as_posix() + "/"
        levels.append(_from_lines(_lines(git.common_folder(repository) / "info" / "exclude"), prefix=inside))
    levels.append(_from_lines(_global_lines(root)))
    levels.append(_from_lines(_UNASKED))
    return Rules((*strong, *(level for level in levels if level is not None)), len(strong))


def is_ignored(root: Path, path: str, rules: Rules) -> bool:
    """Whether one file is left out, by itself or with a folder around it. `rules` are those of `rules_at`."""
    parts = path.split("/")
    folder, absolute = "", str(root)
    for number, name in enumerate(parts):
        here = [one for one in (*IGNORE_FILES, ".git") if os.path.lexists(os.path.join(absolute, one))]  # noqa: PTH118  Hot.
        rules = rules.inside(folder, absolute, here)
        if rules.ignores(folder + name, name, number < len(parts) - 1):
            return True
        folder, absolute = f"{folder}{name}/", os.path.join(absolute, name)  # noqa: PTH118  Hot.
    return False


def is_of_rules(path: str) -> bool:
    """Whether the file at this path says what is left out."""
    return path.rpartition("/")[2] in IGNORE_FILES or f"/{path}".endswith("/.git/info/exclude")


def _from_lines(lines: Sequence[str], cut: int = 0, prefix: str = "") -> Patterns | None:
    return _compiled(tuple(lines), cut, prefix) if lines else None


@lru_cache(maxsize=4096)
def _compiled(lines: tuple[str, ...], cut: int, prefix: str) -> Patterns | None:
    from pathspec.patterns.gitignore.base import GitIgnorePatternError
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    ordered: list[tuple[re.Pattern[str], bool]] = []
    names: set[str] = set()
    endings: set[str] = set()
    others: list[str] = []
    for line in lines:
        text = line.rstrip("\r\n")
        try:
            made = GitIgnoreSpecPattern(text)
        except (GitIgnorePatternError, ValueError, re.error):
            continue  # As git: a pattern that means nothing matches nothing.
        if made.regex is None or made.include is None:
            continue
        regex = re.compile(_of_one_entry(made.regex.pattern, text))
        ordered.append((regex, made.include))
        word = text.strip().removeprefix("!").rstrip("/")
        if not word or "/" in word or "\\" in word:
            others.append(regex.pattern)
        elif not _SPECIAL.search(word):
            names.add(word)
        elif word.startswith("*.") and not _SPECIAL.search(word[2:]) and "." not in word[2:]:
            endings.add(word[1:])
        else:
            others.append(regex.pattern)
    if not ordered:
        return None
    joined = "|".join(f"(?:{re.sub(r'[?]P<[^>]+>', '?:', source)})" for source in others)
    return Patterns(
        cut, prefix, tuple(reversed(ordered)), frozenset(names), frozenset(endings),
        re.compile(joined) if joined else None,
    )  # fmt: skip


def _of_one_entry(source: str, text: str) -> str:
    """The regular expression that an entry of a folder matches as a whole.

    Those of pathspec are made to match the beginning of a path, so that what is in a folder matches with it; but
    whoever goes folder by folder asks for each entry by itself, as git does.
    """
    if source == ".":  # `*`, `**`, `/**`
        return ".+"
    if source == "(?P<ps_d>/)":  # `*/`, `**/`
        return ".*/"
    text = text.rstrip(" ")
    if text.endswith("/**"):
        return source + ".+"
    return source + ".*/" if text.endswith("/**/") else source


def _lines(path: str | Path) -> list[str]:
    """The lines of a file of patterns; none if it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  Called for every folder.
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.removeprefix("\ufeff").split("\n") if line.strip() and not line.startswith("#")]


def _global_lines(root: Path) -> list[str]:
    configured = git.configured_excludes(root)
    if configured:
        return _lines(root / configured)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return _lines(Path(base) / "git" / "ignore")
