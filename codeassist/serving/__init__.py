"""Engines on the user's machine: the catalogue of models, downloads, the embedded engine, how it is found.

`connect.connect` is the door: settings in, a `Model` out. Nothing here listens anywhere but on loopback or a
UNIX socket in a folder that only its owner can open.
"""
