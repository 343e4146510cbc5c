"""The parts of `codeassist review`: what to review, the run, what it found, and how that is written.

targets.py    which files, by paths or by what git says that changed
opening.py    a file with the regions of it that are to be reviewed
run.py        the regions through the flow, as many at once as the engine has seats for
results.py    what came of it, in one order, with what is hidden left out
known.py      the file of findings that are known already
progress.py   how far it is, on stderr
frames.py  documents.py  sarif.py  github.py     text, JSON, SARIF and annotations
"""
