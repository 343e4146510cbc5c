"""The language server and the command line as users run them: a process of their own, over stdio."""
