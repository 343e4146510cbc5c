"""One list in one order, however the functions came in; what is known or hidden is left out and counted."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from codeassist.cli.main import Failure
from codeassist.cli.reviewing.documents import json_document
from codeassist.cli.reviewing.known import Known, known_at
from codeassist.cli.reviewing.results import Results
from codeassist.post.baseline import BASELINE_FILE
from tests.unit.cli.reviewing.making import ROOT, add, finding, results_of

CODE = "def f(a):\n    b = wrong(a)\n    return b\n"
TWICE = "def f(a):\n    return wrong(a)\n\n\ndef g(a):\n    return wrong(a)\n"


def test_the_order_is_the_same_whatever_came_first() -> None:
    files = [
        ("b.py", CODE, [finding(CODE, "return b"), finding(CODE, "wrong")]),
        ("a.py", CODE, [finding(CODE, "b = ")]),
        ("B.py", CODE, [finding(CODE, "wrong")]),
    ]
    documents = [json.dumps(json_document(results_of(order))) for order in itertools.permutations(files)]
    assert len(set(documents)) == 1
    found = [(each["path"], each["start"]["line"]) for each in json.loads(documents[0])["findings"]]
    assert found == [("B.py", 2), ("a.py", 2), ("b.py", 2), ("b.py", 3)]


def test_what_comments_hide_is_counted_and_not_found() -> None:
    text = CODE.replace("wrong(a)", "wrong(a)  # codeassist: ignore[wrong-name]")
    results = results_of([("a.py", text, [finding(text, "wrong"), finding(text, "return b")])])
    assert [each.finding.span.start for each in results.shown] == [text.index("return b")]
    assert results.hidden == {"comments": 1}
    assert len(results.all_found) == 1


def test_what_is_known_is_hidden_by_path_and_fingerprint(tmp_path: Path) -> None:
    known = Known(ROOT / BASELINE_FILE)
    first = results_of([("a.py", CODE, [finding(CODE, "wrong")])], known)
    known = known.updated(first.wholly_reviewed, first.all_found)
    again = results_of(
        [("a.py", "\n" + CODE, [finding("\n" + CODE, "wrong")]), ("b.py", CODE, [finding(CODE, "wrong")])], known
    )
    assert [each.path for each in again.shown] == ["b.py"]
    assert again.hidden == {"baseline": 1}


def test_the_command_line_calls_a_finding_what_the_editor_calls_it() -> None:
    """What several analyzers said is named by the first of them, so what a team dismissed there is known here."""
    joined = replace(finding(CODE, "wrong"), analyzer="infill+words", fingerprint="of the first")
    results = Results(Known(ROOT / BASELINE_FILE))
    add(results, "a.py", CODE, [joined])
    results.settle()
    assert [each.finding.fingerprint for each in results.shown] == ["of the first"]


def test_a_baseline_elsewhere_names_files_from_where_it_is() -> None:
    known = Known(ROOT / "ci" / "known.json")
    results = results_of([("a.py", CODE, [finding(CODE, "wrong")])], known)
    assert [path for path, _ in results.all_found] == ["../a.py"]


def test_files_that_are_not_done_say_what_was_found_so_far() -> None:
    results = Results(Known(ROOT / BASELINE_FILE))
    add(results, "a.py", TWICE, [finding(TWICE, "wrong")], functions=2)
    assert results.shown == []
    results.was_interrupted = True
    results.settle()
    assert len(results.shown) == 1
    assert results.wholly_reviewed == set()
    assert json_document(results)["stats"]["partial"]


def test_the_baseline_is_written_whole_and_read_again(tmp_path: Path) -> None:
    results = results_of([("a.py", CODE, [finding(CODE, "wrong")])])
    known = Known(tmp_path / BASELINE_FILE).updated((), results.all_found)
    known.write()
    assert known_at(tmp_path, None, must_exist=True).baseline == known.baseline
    assert [path.name for path in tmp_path.iterdir()] == [BASELINE_FILE]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="devices are files on POSIX systems only")
def test_a_repository_cannot_make_a_device_its_baseline(tmp_path: Path) -> None:
    (tmp_path / BASELINE_FILE).symlink_to("/dev/zero")
    with pytest.raises(Failure, match="not a regular file"):
        known_at(tmp_path, None, must_exist=False)


def test_a_baseline_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot write the baseline"):
        Known(tmp_path / "gone" / BASELINE_FILE).write()
