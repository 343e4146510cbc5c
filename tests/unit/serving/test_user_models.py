"""Models that the user adds: good ones are used, bad ones are named and take no other with them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codeassist.cli.main import cli
from codeassist.serving.catalogue import (
    DEFAULT_MODEL,
    built_in,
    can_review,
    catalogue,
    entry,
    entry_for_served,
    find,
    user_folder,
    user_problems,
)
from codeassist.serving.catalogue.loading import MAX_USER_FILE_BYTES

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "models.md"
EXAMPLE: str = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[0]

REPLACED = "qwen3-coder-30b-a3b"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user who has added nothing yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("CODEASSIST_MODELS__FOLDER", str(tmp_path / "files"))
    found = user_folder()
    assert tmp_path in found.parents
    found.mkdir(parents=True)
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_nobody_needs_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nowhere"))
    assert entry(DEFAULT_MODEL).default
    assert user_problems() == ()


def test_the_example_of_the_documents_is_a_model(folder: Path) -> None:
    (folder / "ours.toml").write_text(EXAMPLE, encoding="utf-8")
    assert user_problems() == ()
    added = catalogue()[-1]
    assert added.name == "our-coder-30b"
    assert added.servable
    assert can_review("our-coder-30b")
    listed = json.loads(run("models", "list", "--json").stdout)["models"]
    assert listed[-1]["name"] == "our-coder-30b"
    assert "our-coder-30b" in run("models", "show", "our-coder-30b").stdout


def test_a_model_of_the_same_name_replaces_ours_in_its_place(folder: Path) -> None:
    text = EXAMPLE.replace('"our-coder-30b"', f'"{REPLACED}"')
    (folder / "again.toml").write_text(text, encoding="utf-8")
    assert [one.name for one in catalogue()] == [one.name for one in built_in()]
    assert entry(REPLACED).licence == "none, for our company only"


def test_a_later_file_wins_and_no_model_makes_itself_the_default(folder: Path) -> None:
    (folder / "a.toml").write_text(EXAMPLE, encoding="utf-8")
    text = EXAMPLE.replace('kind = "remote"', 'kind = "remote"\ndefault = true').replace("our company", "all")
    (folder / "b.toml").write_text(text, encoding="utf-8")
    found = entry("our-coder-30b")
    assert (found.licence, found.default) == ("none, for all only", False)
    both = f"{folder / 'a.toml'} and {folder / 'b.toml'} both have a model 'our-coder-30b'"
    assert user_problems() == (f"{both}: that of b.toml is used, that of a.toml is not.",)
    assert f"codeassist models: {both}" in run("models", "list").stderr
    assert [one.name for one in catalogue() if one.default] == [DEFAULT_MODEL]


def test_a_fine_tuned_model_is_not_taken_for_the_one_that_it_came_from(folder: Path) -> None:
    text = re.sub(r"served_names = .*", "served_names = ['qwen3-coder-30b-a3b-instruct-ours']", EXAMPLE)
    (folder / "ours.toml").write_text(text, encoding="utf-8")
    found = entry_for_served("qwen3-coder-30b-a3b-instruct-ours")
    assert found is not None
    assert found.name == "our-coder-30b"
    other = entry_for_served("Qwen/Qwen3-Coder-30B-A3B-Instruct")
    assert other is not None
    assert other.name == "qwen3-coder-30b-a3b"


def test_two_models_of_one_name_in_a_file_are_named(folder: Path) -> None:
    (folder / "a.toml").write_text(EXAMPLE + EXAMPLE.replace("our company", "all"), encoding="utf-8")
    assert user_problems() == (
        f"{folder / 'a.toml'} has two models 'our-coder-30b': the last of them is used, and the one before is not.",
    )
    assert entry("our-coder-30b").licence == "none, for all only"
    # Whoever starts one of them sees it too.
    assert user_problems()[0] in run("serve", "our-coder-30b", "--print", "--hardware", "h100").stderr


TWO = EXAMPLE + EXAMPLE.replace('"our-coder-30b"', '"second"')


def changed(old: str, new: str) -> str:
    assert EXAMPLE.count(old) == 1
    return EXAMPLE.replace(old, new)


BAD = {
    "broken": ("[[model]\nname = 1", r" cannot be read: .+ \(at line 1, column \d+\)"),
    "empty": ("", r" has no \[\[model\]\]"),
    "word": ('model = "one"', r" has no \[\[model\]\]"),
    "number": ("model = [1]", r", model 1: Input should be a valid dictionary.*"),
    "deep": ("x = " + "[" * 100_000, r" cannot be read: .+"),
    "large": ("#" * (MAX_USER_FILE_BYTES + 1), r" cannot be read: it is larger than 1000000 bytes"),
    "key": (EXAMPLE + "\ncolour = 'blue'", r", model 'our-coder-30b': serving\.colour: Extra inputs .*"),
    "path": (changed('"our-coder', '"../our'), r", model '\.\./our-30b': name: String should match .*"),
    "case": (changed('"our-coder', '"Our'), r", model 'Our-30b': name: String should match .*"),
    "expression": (changed("'our", "'(our"), r", .*: served_names\.0: .* is no regular expression: .*"),
    "control": (changed("our machine", "our\\nmachine"), r", .*: origin: 'our\\nmachine .*' has a control character.*"),
    "direction": (changed("our machine", "our\\u202emachine"), r", .*: origin: .* has a control character.*"),
    "variable": (
        EXAMPLE + '\nenvironment = { "X; touch /tmp/x; Y" = "1" }',
        r", .*: serving\.environment\.X; touch .*: String should match .*",
    ),
    "variable's value": (
        EXAMPLE + '\nenvironment = { X = "a\\nb" }',
        r", .*: serving\.environment: 'a\\nb' has a control character.*",
    ),
    "flag's value": (
        EXAMPLE + '\nflags = { chat-template = "a\\ntouch /tmp/x\\n" }',
        r", model 'our-coder-30b': serving\.flags: .* has a control character.*",
    ),
    **{
        f"flag {flag}": (
            EXAMPLE + f"\nflags = {{ {flag} = true }}",
            rf", .*: serving\.flags\.{flag}.*: --{flag} is no flag of vLLM that a model may set; .*",
        )
        for flag in (
            "trust-remote-code",
            "trust-remote-cod",
            "hos",
            "ud",
            "api_ke",
            "middlewar",
            "kv_cache_dtype",
            "port",
        )
    },
    "family": (changed('"qwen-coder"', '"klingon"'), r", .*: there is no prompt family 'klingon'; there are .*"),
    "chat": (
        changed('"fim"', '"chat"'),
        r', .*: completes = "chat", but the prompt family qwen-coder is of kind "fim"',
    ),
    "switch": (
        changed('"never"', '"off"'),
        r', .*: thinking = "off", but the prompt family qwen-coder has no switch .*',
    ),
    "effort": (changed('"never"', '"low"'), r', .*: thinking = "low", but the prompt family qwen-coder has no reas.*'),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_a_bad_model_is_named_in_one_sentence(text: str, said: str, folder: Path) -> None:
    (folder / "ours.toml").write_text(text, encoding="utf-8")
    (folder / "zz-good.toml").write_text(EXAMPLE.replace('"our-coder-30b"', '"good"'), encoding="utf-8")
    assert find("good") is not None
    assert find("our-coder-30b") is None
    (problem,) = user_problems()
    assert re.fullmatch(re.escape(f"{folder / 'ours.toml'}") + said + r"\.", problem), problem
    result = run("models", "list")
    assert result.exit_code == 0
    assert f"codeassist models: {problem}\n" in result.stderr
    assert "good " in result.stdout


def test_one_bad_model_of_a_file_takes_no_other_with_it(folder: Path) -> None:
    (folder / "two.toml").write_text(TWO.replace('"our-coder-30b"', '"our-coder-30b"\ncolour = 1'), encoding="utf-8")
    assert find("second") is not None
    assert len(user_problems()) == 1


def test_what_is_no_readable_file_is_named(folder: Path) -> None:
    (folder / "folder.toml").mkdir()
    os.mkfifo(folder / "pipe.toml")
    (folder / "lost.toml").symlink_to(folder / "nothing")
    (folder / "bytes.toml").write_bytes(b"\xff\xfe")
    (folder / "ignored.txt").write_text("no", encoding="utf-8")
    problems = user_problems()
    assert [problem.split(": ")[0] for problem in problems] == [
        f"{folder / name}.toml cannot be read" for name in ("bytes", "folder", "lost", "pipe")
    ]
    assert [problem.split(": ")[1] for problem in problems[1:]] == ["it is not a file."] * 3
    assert entry(DEFAULT_MODEL).default


def test_a_file_where_the_folder_should_be_is_named(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("", encoding="utf-8")
    assert user_problems() == (f"Your models in {folder} cannot be read: Not a directory.",)
    shown = run("models", "show", DEFAULT_MODEL)
    assert shown.exit_code == 0
    assert shown.stderr == f"codeassist models: {user_problems()[0]}\n"
