"""Servers that somebody else runs, by address: what they can do, which of several is asked, who asks."""
