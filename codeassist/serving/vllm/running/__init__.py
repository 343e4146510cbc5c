"""vLLM as a process of this machine: found, started, watched, started again, and ended with all that belongs to it."""
