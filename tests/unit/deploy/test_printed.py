"""What lies in examples/deploy is what the command prints, to the letter."""

from __future__ import annotations

import pytest

from codeassist.serving.vllm.written.render import Format
from tests.unit.deploy.printed import COMMAND, FILES, FOLDER, plan, printed


@pytest.mark.parametrize("form", FILES)
def test_the_example_is_what_the_command_prints(form: Format, request: pytest.FixtureRequest) -> None:
    path = FOLDER / FILES[form]
    if request.config.getoption("--update-goldens"):
        path.write_text(printed(form))
    assert path.read_text() == printed(form), f"renew it: {COMMAND} {form} > {path}"


def test_the_unit_of_the_team_starts_vllm_with_the_plan_s_arguments() -> None:
    lines = (FOLDER / "codeassist-vllm.service").read_text().replace("\\\n", " ").splitlines()
    (start,) = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    program, serve, model, *given = start.split()
    assert (program, serve, model) == ("/opt/codeassist/vllm/bin/vllm", "serve", plan().nodes[0].model)
    own = ["=".join(argument.words) for argument in plan().nodes[0].arguments if argument.flag != "uds"]
    assert given == ["--uds=/run/codeassist/vllm.sock", *own]


def test_the_unit_of_the_team_has_the_plan_s_environment() -> None:
    lines = (FOLDER / "codeassist-vllm.service").read_text().splitlines()
    given = dict(line.removeprefix("Environment=").split("=", 1) for line in lines if line.startswith("Environment="))
    assert {name: given.get(name) for name in plan().nodes[0].environment} == dict(plan().nodes[0].environment)


def test_the_readme_names_every_file_and_how_they_were_made() -> None:
    readme = (FOLDER / "README.md").read_text()
    assert COMMAND in readme
    for path in set(FOLDER.iterdir()) - {FOLDER / "README.md"}:
        assert path.name in readme, path.name
