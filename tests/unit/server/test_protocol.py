"""What is logged of an error that nobody expected."""

from __future__ import annotations

import pytest

from codeassist.server.protocol import log_error


def test_an_error_is_logged_by_its_place_not_by_its_message(caplog: pytest.LogCaptureFixture) -> None:
    """Messages quote what they stumbled over, and that is somebody's code."""
    code = "def " + "secret(): pass"
    try:
        int(code)
    except ValueError as error:
        log_error(error, "somewhere")
    assert "somewhere: ValueError" in caplog.text
    assert "test_protocol.py" in caplog.text
    assert code not in caplog.text
