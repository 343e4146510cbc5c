"""The command line on real files of three languages, with the embedded engine: the documents of the interface."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine

PYTHON = '''"""Small helpers for lists."""


def first(items):
    """Return the first of items, or None."""
    return items[0] if items else None


def last(items):
    """Return the last of items, or None."""
    return '''

JAVASCRIPT = """// Returns the sum of the numbers.
export function sum(numbers) {
  let total = 0;
  for (const number of numbers) {
    """

GO = """package shapes

// Area returns the area of a rectangle.
func Area(width, height float64) float64 {
	return """

OPEN_FILES = {
    "lists.py": (PYTHON, ""),
    "sums.js": (JAVASCRIPT, "\n  }\n  return total;\n}\n"),
    "shapes.go": (GO, "\n}\n"),
}

WITH_A_BUG = {
    "limits.py": """\
def smaller(a, b):
    \"\"\"Return the smaller of a and b.\"\"\"
    if a < b:
        return b
    return b
""",
    "limits.js": """\
// Returns the larger of a and b.
function larger(a, b) {
  if (a > b) {
    return b;
  }
  return b;
}
""",
    "limits.go": """\
package limits

// Larger returns the larger of a and b.
func Larger(a, b int) int {
	if a > b {
		return b
	}
	return b
}
""",
}
BUG_LINE = {"limits.py": (3, 4, 5), "limits.js": (3, 4, 6), "limits.go": (5, 6, 8)}


@pytest.fixture(scope="module")
def environment(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One engine for all commands of this file, in folders of its own; stopped at the end."""
    import tempfile

    base = tmp_path_factory.mktemp("product")
    runtime = Path(tempfile.mkdtemp(prefix="ca-"))
    variables = {
        **os.environ,
        "CODEASSIST_ENGINE__MODEL": str(model_file),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CONFIG_HOME": str(base / "config"),
        "XDG_DATA_HOME": str(base / "data"),
        "XDG_STATE_HOME": str(base / "state"),
    }
    yield variables
    run(["engine", "stop"], variables, base)


def run(arguments: list[str], variables: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "codeassist", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("name", sorted(OPEN_FILES))
def test_complete_gives_the_document_of_the_interface(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    before, after = OPEN_FILES[name]
    (tmp_path / name).write_text(before + after, encoding="utf-8")
    lines = before.split("\n")
    place = f"{name}:{len(lines)}:{len(lines[-1]) + 1}"
    done = run(["complete", place, "--json"], environment, tmp_path)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert set(document) >= {"items", "skip", "context", "prompt", "timings", "tokens"}
    assert document["skip"] is None
    item = document["items"][0]
    assert item["text"].strip()
    assert item["range"]["start"] == {"line": len(lines), "column": len(lines[-1]) + 1}
    assert document["tokens"]["generated"] > 0
    assert document["timings"]["total"] > 0
    assert lines[0] in document["prompt"]


@pytest.mark.parametrize("name", sorted(WITH_A_BUG))
def test_review_gives_the_document_of_the_interface(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / name).write_text(WITH_A_BUG[name], encoding="utf-8")
    done = run(["review", name, "--format", "json"], environment, tmp_path)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["stats"]["files"] == 1
    assert document["stats"]["functions"] == 1
    assert document["findings"], "the planted bug was not found"
    for finding in document["findings"]:
        assert set(finding) >= {
            "path", "start", "end", "severity", "category", "message", "analyzer", "score", "fingerprint", "fix",
        }  # fmt: skip
        assert finding["path"] == name
        assert finding["analyzer"] == "infill"
        assert finding["fix"]["edits"]
    assert any(finding["start"]["line"] in BUG_LINE[name] for finding in document["findings"])
    strict = run(["review", name, "--fail-on", "info"], environment, tmp_path)
    assert strict.returncode == 1
    assert f"{name}:" in strict.stdout
