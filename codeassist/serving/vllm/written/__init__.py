"""A plan as text: commands for a shell, and the files of what runs servers elsewhere."""
