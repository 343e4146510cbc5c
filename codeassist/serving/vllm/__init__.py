"""vLLM on the user's own hardware: what fits, which command, and keeping it running."""
