"""Every silence has a reason that people can read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import codeassist
from codeassist.model import errors
from codeassist.post.skip import REASONS, Skip
from codeassist.serving import errors as serving_errors

SOURCES = list(Path(codeassist.__file__).parent.rglob("*.py"))


def test_an_unknown_reason_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no-such-reason"):
        Skip("no-such-reason")


def test_a_skip_explains_itself() -> None:
    assert str(Skip("empty")) == REASONS["empty"]
    assert str(Skip("empty", "Really.")) == "Really."


def test_reasons_are_words_and_sentences() -> None:
    for reason, sentence in REASONS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason)
        assert re.fullmatch(r"[A-Z].*\.", sentence), sentence


def test_every_model_error_has_its_reason() -> None:
    classes = [*vars(errors).values(), *vars(serving_errors).values()]
    kinds = [kind for kind in classes if isinstance(kind, type) and issubclass(kind, errors.ModelError)]
    assert len(kinds) > 8
    assert {kind.reason for kind in kinds} == {reason for reason in REASONS if reason.startswith(("model-", "engine-"))}


def test_every_reason_is_given_somewhere() -> None:
    """A reason that nothing gives any more leaves the table, and the documentation made from it."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "skip.py")
    unused = [reason for reason in REASONS if f'"{reason}"' not in code]
    assert unused == []
