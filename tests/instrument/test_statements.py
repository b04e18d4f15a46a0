"""Kinds of statements: few, right behind comments and `WITH`, and never made of data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.instrument.statements import kind_of


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT 1", "select"),
        ("select 1", "select"),
        ("\n\t  INSERT INTO t VALUES (1)", "insert"),
        ("-- why\nUPDATE t SET a = 1", "update"),
        ("/* a */ /* b\n -- c */ DELETE FROM t", "delete"),
        ("-- DELETE\n-- again\n(SELECT 1) UNION (SELECT 2)", "select"),
        ("/*+ hint */SELECT 1", "select"),
        (";SELECT 1", "select"),
        ("EXPLAIN SELECT 1", "explain"),
        ("CREATE TABLE t (a)", "create"),
        ("PRAGMA foreign_keys", "pragma"),
        ("ROLLBACK TO SAVEPOINT s", "rollback"),
    ],
)
def test_the_first_keyword_names_the_statement(statement, kind):
    """Case, white space, comments, hints and opening brackets do not matter."""
    assert kind_of(statement) == kind


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("WITH a AS (SELECT 1) SELECT * FROM a", "select"),
        ("WITH a AS (SELECT 1), b(x) AS (SELECT 2) INSERT INTO t SELECT * FROM b", "insert"),
        ("with recursive a as (select 1 union all (select 2)) update t set a = 1", "update"),
        ("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "select"),
        ("WITH a AS MATERIALIZED (SELECT ')' || '''') DELETE FROM t", "delete"),
        ('WITH "update" AS (SELECT 1) SELECT 1', "select"),
        ("WITH [delete] AS (SELECT 1) SELECT 1", "select"),
        ("WITH `insert` AS (SELECT 1) SELECT 1", "select"),
        ("WITH a AS (SELECT $q$ ) $q$) MERGE INTO t USING a ON true", "merge"),
        ("WITH a AS (SELECT 1 -- )\n) /* DELETE */ VALUES (1)", "values"),
        ("WITH a AS (SELECT 1", "other"),
    ],
)
def test_a_common_table_expression_is_named_for_what_it_leads_up_to(statement, kind):
    """What stands in its brackets, in quotes and in comments is not mistaken for the statement."""
    assert kind_of(statement) == kind


@pytest.mark.parametrize(
    "statement", ["", "   ", "-- nothing", "/* open", "'; DROP", "frobnicate 7"]
)
def test_what_is_no_known_statement_is_other(statement):
    """An unknown first word is not taken over, so that names stay bounded."""
    assert kind_of(statement) == "other"


@given(st.text(alphabet="()'\"`[]$;-*/ \nwithselcWITH1é"))
def test_any_text_has_one_of_the_few_kinds(text):
    """Whatever the text, the kind is a plain word of small letters."""
    kind = kind_of(text)
    assert kind.isascii()
    assert kind.isalpha()
    assert kind.islower()


@pytest.mark.parametrize("piece", ["(", " ", "/*", "--\n", "'", "$a$", '"'])
def test_long_texts_are_read_in_one_pass(piece):
    """Texts made to lead a regular expression astray end like any other."""
    assert kind_of(piece * 20_000) == "other"
    assert kind_of("WITH " + piece * 2_000) == "other"
