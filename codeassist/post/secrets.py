"""Whether a text holds what looks like a password or a key. Such text is not shown, wherever the model has it from.

Models write keys that they have seen while they were trained, and copy those that stand in the same file. Neither
belongs in a suggestion: a key accepted by mistake is soon a key committed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class _Form:
    """One format: `sign` has to stand in the text for `pattern` to be tried; its last group, if it has one, is the
    secret. `judged`: how the secret itself is looked at once more."""

    sign: str
    pattern: re.Pattern[str]
    judged: Literal["placeholder", "random"] = "placeholder"


_NAMES = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|encryption[_-]?key"
    r"|signing[_-]?key|auth[_-]?key|credentials?)"
)
_QUOTED = re.compile(rf"{_NAMES}\w*[\"'`\])]*\s*(?:[:=]=?|=>|,)\s*[a-z]?[\"'`]([^\s\"'`]{{10,}})[\"'`]", re.IGNORECASE)
_BARE = re.compile(
    rf"^\s*(?:export\s+)?\w*{_NAMES}\w*\s*[=:]\s*([^\s\"'`()<>\[\]{{}};,]{{16,}})\s*$", re.IGNORECASE | re.MULTILINE
)
_FORMS: tuple[_Form, ...] = (
    # RFC 7468, section 10 and 11, and OpenSSH's PROTOCOL.key. The header alone is what programs look for.
    _Form(
        "PRIVATE KEY",
        re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:\\[nr]|[\s\"'+,#*])*([A-Za-z0-9+/=]{20,})"),
    ),
    # AWS IAM user guide, "Unique identifiers": AKIA and ASIA are access keys; the rest is base 32.
    _Form("A", re.compile(r"(?<![A-Za-z0-9])((?:AKIA|ASIA)[A-Z2-7]{16})(?![A-Za-z0-9])")),
    # GitHub blog, "Behind GitHub's new authentication token formats" (2021), and its docs on kinds of tokens.
    _Form("gh", re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36,})")),
    _Form("github_pat_", re.compile(r"\b(github_pat_[A-Za-z0-9_]{60,})")),
    # GitLab docs, "Token overview": prefixes of tokens.
    _Form("glpat-", re.compile(r"\b(glpat-[A-Za-z0-9_-]{20,})")),
    # Slack API docs, "Token types" and "Sending messages using incoming webhooks".
    _Form("xox", re.compile(r"\b(xox[abeoprs]-[A-Za-z0-9-]{10,})")),
    _Form("hooks.slack.com", re.compile(r"hooks\.slack\.com/services/(T\w{6,}/B\w{6,}/\w{16,})")),
    # Google Cloud docs, "Manage API keys": a string of 39 characters that begins with AIza.
    _Form("AIza", re.compile(r"\b(AIza[A-Za-z0-9_-]{35})")),
    # Stripe docs, "API keys": secret and restricted keys of live mode. Those of test mode open nothing.
    _Form("_live_", re.compile(r"\b([sr]k_live_[A-Za-z0-9]{20,})")),
    # Prefixes named in the docs of OpenAI, Anthropic, Hugging Face, npm, PyPI and SendGrid.
    _Form("sk-", re.compile(r"\b(sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{32,})"), "random"),
    _Form("hf_", re.compile(r"\b(hf_[A-Za-z0-9]{30,})"), "random"),
    _Form("npm_", re.compile(r"\b(npm_[A-Za-z0-9]{36})"), "random"),
    _Form("pypi-", re.compile(r"\b(pypi-AgE[A-Za-z0-9_-]{40,})")),
    _Form("SG.", re.compile(r"\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})")),
    # RFC 7519 in the compact form of RFC 7515: three parts, the first two JSON objects, which begin with `{"`.
    _Form("eyJ", re.compile(r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,})")),
    # RFC 3986, section 3.2.1: a user and a password before the host.
    _Form("@", re.compile(r"\w://[^\s:/@\"'`]+:([^\s/@\"'`]{8,})@[\w.-]"), "random"),
    # No format at all: what is called a password, with a literal that nobody would make up by hand.
    _Form("", _QUOTED, "random"),
    _Form("", _BARE, "random"),
)  # fmt: skip
_MADE_UP = re.compile(
    r"example|sample|dummy|fake|mock|test|your|change[-_]?me|placeholder|redacted|replace|insert|secret[-_]?here|my[-_]"
    r"|todo|(.)\1{4,}|x{4,}|\*{3,}|\.{3}|(?<![0-9])12345678(?:90?)?(?![0-9])|abcdefgh",
    re.IGNORECASE,
)
_LOOKED_UP = re.compile(r"[$%#]\{|\{\{|<[\w -]+>|%\w|\$\(|://|^\$\w+$")
"""A place where something else is put in, or an address."""
_DOCUMENTED_PAYLOAD = "eyJzdWIiOiIxMjM0NTY3ODkwIi"
"""The payload of the example on jwt.io and in most docs: `{"sub":"1234567890"`."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DIGEST = re.compile(r"(?:sha\d+|md5|h1)[:-]", re.IGNORECASE)
_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+|[^A-Za-z0-9]+")
_SEPARATORS = re.compile(r"[-_./:\\ ]")
_SHORTEST_RANDOM = 10
_LONGEST_PIECES = 2.2
"""Characters of one kind in a row, on average: words and names have four and more, random ones less than two."""
_FEWEST_DISTINCT = 7


def secret_like(text: str, start: int = 0) -> bool:
    """Whether a secret reaches behind index `start` of `text`; what ends before it is somebody else's.

    Placeholders, examples of documentation, UUIDs, digests and look-ups are none.
    """
    for form in _FORMS:
        if form.sign not in text:
            continue
        for match in form.pattern.finditer(text):
            if match.end(1) > start and _is_secret(match[1], form):
                return True
    return False


def inside_private_key(prefix: str) -> bool:
    """Whether `prefix` ends inside a private key's block; whatever follows there is part of the key."""
    begins = prefix.rfind("-----BEGIN ")
    if begins < 0:
        return False
    header, line_end, body = prefix[begins:].partition("\n")
    opened = "PRIVATE KEY" in header and header.rstrip().endswith("-----") and bool(line_end)
    return opened and "-----END " not in body


def _is_secret(value: str, form: _Form) -> bool:
    if _MADE_UP.search(value) or _DOCUMENTED_PAYLOAD in value:
        return False
    return form.judged == "placeholder" or looks_random(value)


def looks_random(value: str) -> bool:
    """Whether nobody would make `value` up by hand: kinds of characters alternate all the time. No UUID, no digest, no
    address, no version number."""
    if _UUID.fullmatch(value) or _DIGEST.match(value) or _LOOKED_UP.search(value):
        return False
    bare = _SEPARATORS.sub("", value)
    if len(bare) < _SHORTEST_RANDOM or len(set(bare)) < _FEWEST_DISTINCT:
        return False
    if not any(c.isalpha() for c in bare) or not any(c.isdigit() for c in bare):
        return False
    return len(bare) / len(_PIECES.findall(bare)) < _LONGEST_PIECES
