"""What is a request's name is read as such, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.monitor.requests import METHODS, OTHER_METHOD, UNMATCHED, request_named


@given(st.sampled_from([*sorted(METHODS), OTHER_METHOD]), st.text(st.characters(categories=["L"])))
def test_a_request_is_read_as_it_was_named(method, rest):
    """The method and the template come back from the name; an unmatched request has none."""
    assert request_named(f"{method} /{rest}") == (method, f"/{rest}")
    assert request_named(f"{method} {UNMATCHED}") == (method, None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "GET",
        "GET ",
        "GET users",
        "get /users",
        "BREW /tea",
        "GET  /users",
        "GET /users (first byte)",
        "GET /a\n",
        " GET /users",
        "db.query",
        UNMATCHED,
    ],
)
def test_any_other_operation_is_no_request(name):
    """Unknown methods, missing slashes, times to first bytes and plain names are none."""
    assert request_named(name) is None
