"""Opaque ids: the same for the same workspace, and nobody can learn anything from them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from codeassist.model.api import CompletionRequest
from codeassist.serving.remote.identity import cache_salt, session_id, user_secret

SHOP, BANK = Path("/home/me/shop"), Path("/home/me/bank")


def test_a_workspace_keeps_its_id_and_others_have_others(tmp_path: Path) -> None:
    mine, yours = user_secret(tmp_path / "mine"), user_secret(tmp_path / "yours")
    assert session_id(mine, SHOP) == session_id(user_secret(tmp_path / "mine"), SHOP)
    ids = [session_id(mine, SHOP), session_id(mine, BANK), session_id(mine, None), session_id(yours, SHOP)]
    ids += [cache_salt(mine), cache_salt(yours)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_a_salt_is_one_that_vllm_takes(tmp_path: Path) -> None:
    CompletionRequest("x", 1, cache_salt=cache_salt(user_secret(tmp_path)))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_secret_is_for_its_owner_and_made_anew_once_others_could_read_it(tmp_path: Path) -> None:
    secret = user_secret(tmp_path)
    file = tmp_path / "identity"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["identity"]
    file.chmod(0o644)
    assert user_secret(tmp_path) != secret
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 4096])
def test_a_spoilt_secret_is_replaced(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "identity").write_bytes(content)
    (tmp_path / "identity").chmod(0o600)
    assert user_secret(tmp_path) == user_secret(tmp_path) != content


def test_where_nothing_can_be_written_the_secret_lasts_as_long_as_the_process(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    assert user_secret(tmp_path / "taken") == user_secret(tmp_path / "taken")


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="needs links that are not followed")
def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"t" * 32)
    theirs.chmod(0o600)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "identity").symlink_to(theirs)
    assert user_secret(tmp_path / "data") != b"t" * 32
    assert theirs.read_bytes() == b"t" * 32
