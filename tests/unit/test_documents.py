"""Documents and code say the same."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from codeassist.cli.main import COMMANDS, cli

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 450
HEADS = ("package", "extra")


def generated_pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.pages()
    return pages


@pytest.mark.parametrize("name", sorted(generated_pages()))
def test_the_reference_is_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == generated_pages()[name], "run: python docs/generate.py"


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {
        _name(line) for line in (*project["dependencies"], *(line for extra in extras.values() for line in extra))
    }
    table = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|(?: (?:embedded|vllm|dev|editors|lint) \|)? ([a-z0-9-]+) \| (.+) \|$", table, re.MULTILINE)
    assert {name for name, _reason in rows if name not in HEADS} == wanted
    assert all(len(reason) > 7 for name, reason in rows if name not in HEADS)


def test_every_dependency_has_a_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in project["dependencies"]:
        assert ">=" in line, line
        assert "<" in line, line


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_no_file_has_two_subjects() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    code = [ROOT / name for name in tracked.split() if name.endswith((".py", ".ts", ".lua"))]
    assert code
    long = {path.name: lines for path in code if path.exists() and (lines := _lines(path)) > LONGEST_FILE}
    assert not long


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_its_module_and_help(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_help_and_version() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert all(command in result.output for command in COMMANDS)
    assert CliRunner().invoke(cli, ["--version"]).output.startswith("codeassist ")
    assert CliRunner().invoke(cli, ["no-such-command"]).exit_code == 2


def _name(requirement: str) -> str:
    return re.split(r"[<>=!; \[]", requirement, maxsplit=1)[0]


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_every_error_of_a_model_has_a_reason_for_silence() -> None:
    from codeassist.model import errors
    from codeassist.post.skip import REASONS, is_failure
    from codeassist.serving import errors as serving_errors

    kinds = [*vars(errors).values(), *vars(serving_errors).values()]
    failures = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, errors.ModelError)]
    assert len(failures) > 10
    for kind in failures:
        assert kind.reason in REASONS
        assert is_failure(kind.reason)


def test_the_protocol_is_what_the_server_speaks() -> None:
    from codeassist.server.app import App
    from codeassist.server.status import Status

    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    known = App().server.protocol.fm
    spoken = {name for name in (*known.features, *known.commands) if name.startswith("codeassist")}
    named = set(re.findall(r"`(codeassist[./]\w+)`", page))
    assert named == spoken | {"codeassist/status"}
    sent: list[dict[str, object]] = []
    Status(lambda _method, status: sent.append(status), lambda _kind, _message: None).set("ready")
    fields = re.findall(r"^\| `(\w+)` \|", page[page.index("## Told by the server") :], re.MULTILINE)
    assert fields[: len(sent[0])] == list(sent[0])
