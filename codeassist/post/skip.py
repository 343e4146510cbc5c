"""Silence with a reason: why a request got no completion or no findings."""

from __future__ import annotations

from dataclasses import dataclass

REASONS: dict[str, str] = {
    # Before the model is asked.
    "disabled": "The feature is switched off in the settings.",
    "unknown-document": "The editor asked about a document that it has not opened.",
    "too-large": "The document is larger than index.max_file_bytes.",
    "binary": "The document holds NUL bytes or other binary data.",
    "one-long-line": "The document has a line too long to be written by hand, as minified code has.",
    "unknown-language": "The check needs a grammar, and there is none for this language.",
    "mid-word": "The cursor is inside a word: whatever is inserted would have to fit both halves.",
    "in-comment": "The cursor is in a comment; a request by hand completes there, and completion.comments_and_strings.",
    "in-string": "The cursor is in a string; a request by hand completes there, and completion.comments_and_strings.",
    "after-deletion": "Something was just deleted on this line; completions go on with the next character.",
    "menu-open": "The editor shows a menu of its own for this word, or another item is chosen in it.",
    "switched-off": "Completions are switched off for this file, by completion.exclude or completion.languages_off.",
    "secret-file": "By its name the file holds keys or passwords; a request by hand completes or reviews there.",
    "cannot-fill": "The model neither fills in the middle nor chats.",
    "ignored-file": "A comment in the document asks for no review: `codeassist: ignore-file`.",
    "nothing-changed": "No function changed since the last review.",
    "not-able": "The catalogue does not call this model able to review in words.",
    "no-logprobs": "The server does not report log-probabilities, which the infill check compares; "
    "`codeassist doctor` says what mends it.",
    # About files that a review is asked for.
    "unreadable-file": "The file is gone, or cannot be read: it changed while the review was running, or is locked.",
    "link": "The path is a symbolic link; name the file that it leads to.",
    "submodule": "The path is a submodule; run the review inside of it.",
    "unmerged": "The file has conflicts; resolve them, `git add` it, and run the review again.",
    "excluded": "The file is left out by the setting index.exclude; name it to have it reviewed.",
    # About the answer.
    "empty": "The model had nothing to insert.",
    "blank": "The model would insert white space only.",
    "repeats-suffix": "The model repeated the code that follows the cursor.",
    "repeats-prefix": "The model repeated the code just before the cursor.",
    "tears-line": "The text would put what stands behind the cursor on its line where it makes no sense.",
    "needs-replacing": "The text would take the place of what stands behind the cursor, which the editor cannot do.",
    "needs-lines": "The text has several lines, or begins a new one, and the editor's menu can show one only.",
    "repetition": "The model repeated itself.",
    "markup": "The model answered with markup or prose instead of code.",
    "secret-like": "The model wrote something that looks like a password or key.",
    "worse-syntax": "The document would parse worse with the text than without it.",
    "unsure": "The model was not sure enough of its first line; a request by hand shows it.",
    "unreadable-answer": "The model's answer does not have the form that was asked for.",
    # About time.
    "stale": "The document changed while the answer was on its way.",
    "cancelled": "The request was cancelled.",
    "expired": "What was shown does not fit any more, and the editor would keep it until the model has answered.",
    "superseded": "A newer request of the same document took over.",
    # About what is asked for before anybody waits for it.
    "gave-way": "Something that somebody waited for was asked of the model first.",
    "not-stoppable": "The server goes on writing when it is left, so it is asked only for what is wanted.",
    "no-room": "The prompt has no room for the document from its beginning, so its place is not known yet.",
    # About the model server and the embedded engine; the words of the errors in model/errors.py and serving/errors.py.
    "model-error": "The model failed.",
    "model-unreachable": "The model server does not answer.",
    "model-unauthorised": "The model server refused the key.",
    "model-not-found": "The server does not serve this model.",
    "model-overloaded": "The model server is busy or still loading.",
    "model-bad-request": "The model server refused the request.",
    "model-prompt-too-long": "The request is longer than the model server takes, and cannot be made shorter.",
    "model-server-error": "The model server failed.",
    "model-truncated-stream": "The model server broke off in the middle of its answer.",
    "model-malformed-event": "The model server sent something that is not its protocol.",
    "engine-failed": "The embedded engine could not be started.",
    "engine-model-missing": "The embedded engine's model is not installed.",
    "engine-not-installed": "The embedded engine is not installed.",
}
"""Every reason there is, with one sentence for people. docs/reference/silence.md is made from it."""


@dataclass(frozen=True, slots=True)
class Skip:
    """An empty answer. `reason` is a key of REASONS; `detail` may add one sentence (never code, never a key)."""

    reason: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"unknown skip reason {self.reason!r}: add it to REASONS")

    def __str__(self) -> str:
        return self.detail or REASONS[self.reason]

    @property
    def is_failure(self) -> bool:
        """Whether the model could not answer at all, which is for the user to mend."""
        return is_failure(self.reason)


def is_failure(reason: str) -> bool:
    """Whether `reason` is one of a model server or an engine that failed."""
    return reason.startswith(("model-", "engine-"))
