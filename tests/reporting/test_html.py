"""The HTML report."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from scripted_results import (
    ENVIRONMENT,
    MS,
    PARSE,
    SHOP,
    result,
    shop_report,
    summary,
    unmeasured,
    verdict,
)

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Environment
from pytest_perfmon.model.verdict import Outcome
from pytest_perfmon.reporting.html import to_html
from pytest_perfmon.reporting.report import build_report

VOID = {"meta", "br", "path", "line"}


class Page(HTMLParser):
    """Collects tags, attributes and texts, and insists on balanced tags."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """Take note of a tag and its attributes."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Take note of a tag that closes itself."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        """Close the newest open tag, which has to be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Take note of text outside tags."""
        self.texts.append(data.strip())


def test_the_report_is_readable_without_script_or_network():
    """Counts, remarks, table, intervals, footnotes, notes and environment are plain text."""
    report = shop_report(environment=ENVIRONMENT, about={"commit": "9fceb02"}, notes=["saved"])
    page = Page(to_html(report))
    text = " ".join(filter(None, page.texts))
    for expected in (
        "3 operations: 1 passed, 1 failed, 1 undecided; 2 criteria not checked",
        "db.query p95 60.5 ms > budget 50 ms",
        "41 of 500 calls took more than 50 ms",
        "need 72",
        "59.3 to 62.3 ms",
        "calls come in clusters",
        "saved",
        "9fceb02",
        "3.11.7",
        ENVIRONMENT.fingerprint,
    ):
        assert expected in text
    assert page.tags.count("svg") == 3
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name in ("src", "href", "style", "onload")]


def test_the_policy_allows_the_style_sheet_by_hash_and_nothing_else():
    """The hash is that of the style element, byte for byte."""
    text = to_html(shop_report())
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = [value for _, value in Page(text).attributes if "default-src" in str(value)]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]


@pytest.mark.parametrize(
    "payload",
    [
        "</script><script>alert(1)</script>",
        "</style><img src=x onerror=alert(1)>",
        "\"'><svg onload=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        "&lt;b&gt;",
    ],
)
def test_no_text_becomes_markup(payload):
    """A payload anywhere is shown as it is and adds no tag and no attribute."""

    def page(text):
        nodeid = f"a{text}.py::test_{text}"
        figures = summary(MS, warnings=(text,), unit=text)
        judged = verdict(
            nodeid, text, text, Outcome.FAILED, text, details=(text,), warnings=(text,), fails=True
        )
        report = build_report(
            [result(nodeid, (text, figures), verdicts=[judged]), result(PARSE, ("x", summary(MS)))],
            extra_columns={Key(nodeid, text): {text: text}},
            environment=Environment({text: text}),
            about={text: text},
            notes=[text],
        )
        return Page(to_html(report))

    attacked, harmless = page(payload), page("harmless")
    assert attacked.tags == harmless.tags
    assert [name for name, _ in attacked.attributes] == [name for name, _ in harmless.attributes]
    assert sum(payload in text for text in attacked.texts) == sum(
        "harmless" in text for text in harmless.texts
    )


def test_control_characters_are_escaped():
    """The file can be written as UTF-8 and holds no character that is not shown."""
    text = to_html(build_report([result("t.py::test_x", ("a\x00\x1b\ud800b", summary(MS)))]))
    assert "a\\x00\\x1b\\ud800b" in text
    assert text.replace("\n", "").isprintable()


def test_failing_operations_are_unfolded():
    """What needs reading is open, the rest is folded."""
    assert len(re.findall(r"<details open>", to_html(shop_report()))) == 1


def test_the_same_report_gives_the_same_text():
    """Two reports can be compared as files."""
    assert to_html(shop_report()) == to_html(shop_report())


def test_plain_and_empty_runs_have_a_page_too():
    """The headline says what there is."""
    assert "1 perf test ran once" in to_html(build_report([unmeasured(SHOP)]))
    assert "no perf test ran" in to_html(build_report([]))
