"""`python -m codeassist` and the `codeassist` console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code."""
    from codeassist.cli.main import cli

    cli(prog_name="codeassist")


if __name__ == "__main__":
    main()
