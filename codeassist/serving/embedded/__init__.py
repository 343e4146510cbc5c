"""The embedded engine: llama.cpp in a process of its own, shared by all editors of a user, and how it is found."""
