"""What the shop answers; ordinary tests, which no performance option changes."""

from __future__ import annotations

import pytest

from shop import orders


def test_search_gives_the_newest_orders_first(db):
    """A customer's orders come newest first, at most as many as asked for."""
    days = [order["placed_on"] for order in orders.search(db, "customer1@example.org", limit=5)]
    assert len(days) == 5
    assert days == sorted(days, reverse=True)


def test_a_placed_order_is_found_with_its_total(writable_db):
    """An order that was placed is there, with its lines priced and added up."""
    number = orders.place(writable_db, 7, "2026-01-02", {1: 2, 2: 1})
    found = orders.detail(writable_db, number)
    assert found["email"] == "customer7@example.org"
    assert sorted(line["quantity"] for line in found["lines"]) == [1, 2]
    assert found["cents"] == sum(line["cents"] for line in found["lines"])


def test_an_order_that_is_not_there_is_an_error(db):
    """Asking for an unknown order raises, and does not give an empty one."""
    with pytest.raises(orders.UnknownOrderError):
        orders.detail(db, 10**9)


@pytest.mark.parametrize("path", ["/", "/orders", "/orders/many", "/orders/999999999"])
def test_the_server_says_what_it_does_not_have(get, path):
    """Wrong addresses get 404 and the reason as JSON."""
    status, answer = get(path)
    assert status == 404
    assert path in answer["error"]
