"""The library under test: Django set up on a database in memory, filled for each test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import django
import pytest
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment, teardown_test_environment

PERF_TOKEN = secrets.token_urlsafe(32)


def pytest_configure() -> None:
    """Set Django up before any module of tests is imported, since models need it."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "library.settings",
        "LIBRARY_DATABASE": ":memory:",
        "PERF_TOKEN": PERF_TOKEN,
    }
    django.setup()


@pytest.fixture(scope="session")
def tables() -> Iterator[None]:
    """The tables, made once."""
    setup_test_environment()
    call_command("migrate", run_syncdb=True, verbosity=0)
    yield
    teardown_test_environment()


@pytest.fixture
def books(tables: None) -> Iterator[list[int]]:
    """A thousand books; gives their numbers."""
    from catalog.models import Book  # noqa: PLC0415 - importable once Django is set up

    made = Book.objects.bulk_create(
        Book(title=f"Volume {number:04}", author="N. N.") for number in range(1000)
    )
    yield [book.pk for book in made]
    Book.objects.all().delete()


@pytest.fixture
def client(tables: None) -> Client:
    """A client of the library."""
    return Client()


@pytest.fixture
def perf_token() -> str:
    """What opens the dashboard."""
    return PERF_TOKEN
