"""What some editors tell a server about themselves, as far as it matters to this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lsprotocol import converters, types

JETBRAINS = Path(__file__).resolve().parents[2] / "editors" / "jetbrains"

_KINDS = ["", "quickfix", "refactor", "refactor.extract", "refactor.inline", "refactor.rewrite", "source"]

_VSCODE: dict[str, Any] = {
    "experimental": {"codeassist": {"waitsMs": 50}},
    "general": {
        "positionEncodings": ["utf-16"],
        "staleRequestSupport": {"cancel": True, "retryOnContentModified": ["textDocument/semanticTokens/full"]},
        "markdown": {"parser": "marked", "version": "1.1.0"},
    },
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": ["create", "rename", "delete"],
            "failureHandling": "textOnlyTransactional",
            "normalizesLineEndings": True,
            "changeAnnotationSupport": {"groupsOnLabel": True},
        },
        "configuration": True,
        "didChangeConfiguration": {"dynamicRegistration": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True, "relativePatternSupport": True},
        "fileOperations": {"dynamicRegistration": True, "didCreate": True, "didRename": True, "didDelete": True},
        "executeCommand": {"dynamicRegistration": True},
        "workspaceFolders": True,
        "diagnostics": {"refreshSupport": True},
    },
    "textDocument": {
        "synchronization": {"dynamicRegistration": True, "willSave": True, "willSaveWaitUntil": True, "didSave": True},
        "publishDiagnostics": {
            "relatedInformation": True,
            "versionSupport": False,
            "tagSupport": {"valueSet": [1, 2]},
            "codeDescriptionSupport": True,
            "dataSupport": True,
        },
        "diagnostic": {"dynamicRegistration": True, "relatedDocumentSupport": False},
        "inlineCompletion": {"dynamicRegistration": True},
        "completion": {"dynamicRegistration": True, "contextSupport": True, "completionItem": {"snippetSupport": True}},
        "codeAction": {
            "dynamicRegistration": True,
            "isPreferredSupport": True,
            "disabledSupport": True,
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": _KINDS}},
            "honorsChangeAnnotations": True,
        },
    },
    "window": {
        "showMessage": {"messageActionItem": {"additionalPropertiesSupport": True}},
        "showDocument": {"support": True},
        "workDoneProgress": True,
    },
}

_NEOVIM_0_11: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]},
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"resourceOperations": ["rename", "create", "delete"]},
        "configuration": True,
        "didChangeConfiguration": {"dynamicRegistration": False},
        "workspaceFolders": True,
        "semanticTokens": {"refreshSupport": True},
    },
    "textDocument": {
        "synchronization": {"willSave": True, "willSaveWaitUntil": True, "didSave": True},
        "publishDiagnostics": {"relatedInformation": True, "tagSupport": {"valueSet": [1, 2]}, "dataSupport": True},
        "diagnostic": {"dynamicRegistration": False},
        "completion": {
            "contextSupport": True,
            "completionItem": {
                "documentationFormat": ["markdown", "plaintext"],
                "snippetSupport": True,
                "deprecatedSupport": True,
            },
        },
        "codeAction": {
            "dynamicRegistration": True,
            "isPreferredSupport": True,
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit", "command"]},
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": _KINDS}},
        },
    },
    "window": {"showDocument": {"support": True}, "workDoneProgress": True},
}

_NEOVIM_0_12: dict[str, Any] = {
    **_NEOVIM_0_11,
    "workspace": {**_NEOVIM_0_11["workspace"], "diagnostics": {"refreshSupport": True}},
    "textDocument": {**_NEOVIM_0_11["textDocument"], "inlineCompletion": {"dynamicRegistration": False}},
}

_PLAIN: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-32"]},
    "textDocument": {
        "publishDiagnostics": {"versionSupport": True},
        "inlineCompletion": {},
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": _KINDS}}},
    },
}

_SUBLIME: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {
        "publishDiagnostics": {"versionSupport": True},
        "completion": {
            "completionItem": {
                "documentationFormat": ["markdown", "plaintext"],
                "snippetSupport": True,
                "insertTextModeSupport": {"valueSet": [2]},
            }
        },
    },
}

_JETBRAINS: dict[str, Any] = {
    "experimental": json.loads((JETBRAINS / "experimental.json").read_text(encoding="utf-8")),
    "textDocument": {"publishDiagnostics": {"versionSupport": True}, "inlineCompletion": {}},
}

EDITORS: dict[str, dict[str, Any]] = {
    "vscode": _VSCODE,
    "neovim-0.11": _NEOVIM_0_11,
    "neovim-0.12": _NEOVIM_0_12,
    "plain": _PLAIN,
    "sublime": _SUBLIME,
    "jetbrains": _JETBRAINS,
}
"""By name; "plain" is a small client of somebody's own: no progress, no resolving, UTF-32."""


def capabilities(name: str) -> types.ClientCapabilities:
    return converters.get_converter().structure(EDITORS[name], types.ClientCapabilities)
