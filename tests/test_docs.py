"""The documents are true: their code runs, and the names in them are the plugin's."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_perfmon.plugin import MARKER, OPTIONS, hookspecs

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
OUTSIDE = ["-p", "no:asyncio", "-p", "no:randomly"]
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
OURS = re.compile(r"(?<![\w-])--(?:no-)?perf-[a-z][a-z-]*")
HOOK = re.compile(r"\bpytest_perfmon_[a-z_]+")
KEYWORD = re.compile(r"(\w+)=")
SIGNATURE = re.compile(r"budget\(\[operation\], \*, .*?\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its page, the line it begins in, its language and text, why it is not run."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None

    @property
    def tests(self) -> int:
        """How many test functions the block defines."""
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        nodes = ast.walk(ast.parse(self.text))
        return sum(isinstance(one, functions) and one.name.startswith("test") for one in nodes)

    def compiled(self):
        """Compile the block so that a traceback names the document's own line."""
        return compile("\n" * self.line + self.text, str(self.page), "exec")


def blocks_of(page, text):
    """Give the fenced blocks of a page in order."""
    return [
        Block(
            page,
            text.count("\n", 0, match.start("language")) + 1,
            match["language"],
            match["text"],
            match["reason"],
        )
        for match in FENCE.finditer(text)
    ]


def read(page):
    """Give a page's text."""
    return page.read_text(encoding="utf-8")


BLOCKS = [block for page in PAGES for block in blocks_of(page, read(page))]
PYTHON = [block for block in BLOCKS if block.language == "python"]
TESTS = [block for block in PYTHON if block.tests and not block.reason]
COMMANDS = [block for block in BLOCKS if block.language in {"bash", "console", "sh"}]


def commands_of(block):
    """Give the commands of a block: after a prompt in `console`, every line elsewhere."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def name_of(block):
    """Name a block by its place."""
    return f"{block.page.name}:{block.line}"


@pytest.fixture
def known(pytester):
    """Every option that pytest with the plugin explains in its help."""
    result = pytester.runpytest("--help", *OUTSIDE)
    assert result.ret == 0
    return set(OPTION.findall(result.stdout.str()))


def test_the_extractor_finds_places_languages_and_reasons():
    """A block keeps its first line, its language, and the reason that stands above it."""
    text = (
        "# A\n\n```console\n$ pytest\n```\n\n<!-- not run: needs a server -->\n```python\nx\n```\n"
    )
    first, second = blocks_of(README, text)
    assert (first.language, first.line, first.text) == ("console", 3, "$ pytest\n")
    assert (first.reason, second.reason, second.line) == (None, "needs a server", 8)


def test_the_readme_has_what_the_other_tests_look_at():
    """The README shows tests and commands, so that the tests below cannot pass on nothing."""
    assert [block for block in TESTS if block.page == README]
    assert [block for block in COMMANDS if block.page == README]


def test_every_python_block_is_python():
    """A block that cannot be run here is at least Python, as all others are."""
    for block in PYTHON:
        block.compiled()


@pytest.mark.parametrize("block", TESTS, ids=name_of)
def test_the_tests_in_documents_pass(block, pytester):
    """A block that defines tests is a file whose tests all pass in a plain run."""
    pytester.makepyfile(test_block=block.text)
    pytester.runpytest(*OUTSIDE, "--strict-markers").assert_outcomes(passed=block.tests)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run_in_order(page, tmp_path, monkeypatch):
    """The plain snippets of a page run one after the other, sharing their names."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "snippets"}
    for block in PYTHON:
        if block.page == page and not block.reason and not block.tests:
            exec(block.compiled(), names)


@pytest.mark.parametrize("block", COMMANDS, ids=name_of)
def test_pytest_commands_use_options_that_exist(block, known):
    """Each long option of a pytest command line is one that pytest or the plugin knows."""
    for words in commands_of(block):
        if any(Path(word).name == "pytest" for word in words):
            used = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert used <= known, shlex.join(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_in_documents_exist(page, known):
    """Each --perf- option that a page names is one of the plugin's."""
    assert set(OURS.findall(read(page))) <= known


def test_each_option_is_documented():
    """Each option of the plugin stands in the README or another document."""
    named = {option for page in PAGES for option in OURS.findall(read(page))}
    assert {f"--perf-{name}" for name, _, _ in OPTIONS} <= named


def test_the_readme_has_the_markers_keywords():
    """The README's signature of the marker has the keywords that the plugin describes."""
    (signature,) = SIGNATURE.findall(read(README))
    assert sorted(KEYWORD.findall(signature)) == sorted(KEYWORD.findall(MARKER))


def test_hooks_are_documented_and_exist():
    """The hooks that documents and the example conftest name are exactly those that there are."""
    pages = [*PAGES, ROOT / "conftest_example.py"]
    named = {hook for page in pages for hook in HOOK.findall(read(page))}
    assert named == {name for name in vars(hookspecs) if HOOK.fullmatch(name)}
