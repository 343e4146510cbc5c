"""codeassist: completions and review from a code model on your own hardware, as a language server."""

__version__ = "0.1.0"
