"""The language server: the only package that knows LSP. Each feature is snapshot -> flow -> convert."""
