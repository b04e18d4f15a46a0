"""What kind of SQL statement a text is, read from its keywords and from nothing else."""

from __future__ import annotations

import re
from typing import Final

OTHER: Final = "other"
"""The kind of whatever begins with no keyword known here, so that kinds stay few."""

# fmt: off
_KINDS: Final = frozenset({
    "alter", "analyze", "attach", "begin", "call", "comment", "commit", "copy", "create",
    "deallocate", "declare", "delete", "detach", "do", "drop", "exec", "execute", "explain",
    "fetch", "grant", "insert", "listen", "lock", "merge", "notify", "pragma", "prepare",
    "refresh", "reindex", "release", "replace", "reset", "revoke", "rollback", "savepoint",
    "select", "set", "show", "table", "truncate", "update", "use", "vacuum", "values",
})
# fmt: on
_AFTER_CTE: Final = frozenset({"select", "insert", "update", "delete", "merge", "values"})

# Possessive throughout: no text makes these walk back.
_FIRST_WORD: Final = re.compile(r"(?:[\s(;]++|--[^\n]*+|/\*(?s:.*?)\*/)*+([A-Za-z]++)")
_TOKEN: Final = re.compile(
    r"""--[^\n]*+ | /\*.*?\*/                                   # comments
    | '(?:[^']|'')*+' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$        # text
    | "[^"]*+" | `[^`]*+` | \[[^\]]*+\]                         # quoted names
    | (?P<bracket>[()]) | (?P<word>[^\W\d]\w*+) | \d\w*+""",
    re.VERBOSE | re.DOTALL,
)


def kind_of(statement: str) -> str:
    """Give the statement's first keyword in small letters, behind comments and brackets.

    `WITH …` is named for what its common table expressions lead up to: `select`, `insert`,
    `update`, `delete`, `merge` or `values`. The kind is one of about forty, else `other`; nothing
    that a user of the application typed can become part of it.
    """
    first = _FIRST_WORD.match(statement)
    word = first[1].lower() if first else OTHER
    if first and word == "with":
        return _kind_after_cte(statement, first.end())
    return word if word in _KINDS else OTHER


def _kind_after_cte(statement: str, start: int) -> str:
    depth = 0
    for token in _TOKEN.finditer(statement, start):
        if token["bracket"]:
            depth += 1 if token["bracket"] == "(" else -1
        elif depth <= 0 and token["word"] and token["word"].lower() in _AFTER_CTE:
            return token["word"].lower()
    return OTHER
