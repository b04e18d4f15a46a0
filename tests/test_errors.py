"""The error classes: one family, each ending a run the way its name says."""

from __future__ import annotations

import inspect

import pytest

from pytest_perfmon import errors

CLASSES = [
    one
    for one in vars(errors).values()
    if inspect.isclass(one) and issubclass(one, Exception) and not issubclass(one, Warning)
]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_caught_as_a_perfmon_error(error):
    """One `except PerfmonError` catches whatever this package raises on its own account."""
    assert issubclass(error, errors.PerfmonError)


@pytest.mark.parametrize("error", CLASSES)
def test_the_message_is_the_text_alone(error):
    """An error prints as the sentence it was given, with nothing added."""
    assert str(error("store 'x' is a file")) == "store 'x' is a file"


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_says_what_it_is_for(error):
    """Each class has a docstring of its own, not its parent's."""
    assert error.__doc__
    assert error.__doc__ not in {parent.__doc__ for parent in error.__mro__[1:]}


@pytest.mark.parametrize("error", [errors.MarkError, errors.StoreError, errors.NewerSchemaError])
def test_what_the_user_has_to_change_is_a_usage_error(error):
    """Bad marks, stores and newer records all end a run with the usage exit code."""
    assert issubclass(error, errors.UsageError)


def test_a_misused_measuring_form_is_no_usage_error():
    """A measuring form used wrongly fails its own test and not the whole run."""
    assert not issubclass(errors.MeasurementError, errors.UsageError)


def test_a_warning_can_be_filtered_like_any_users_warning():
    """`-W error::UserWarning` and finer filters reach it; it is no error by itself."""
    assert issubclass(errors.PerfmonWarning, UserWarning)
    assert not issubclass(errors.PerfmonWarning, errors.PerfmonError)
