"""Text as values: frozen documents, places in them, edits, and what is fit to be read as code."""
