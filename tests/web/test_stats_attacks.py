"""The stats endpoint under attack, behind real servers: nothing leaks, nothing crashes."""

from __future__ import annotations

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from stats_servers import TOKEN, request, serving_process

pytestmark = pytest.mark.slow

SECRETS = [TOKEN.encode(), b"leak-", b"Traceback", b"RuntimeError", b"attacked_app", b".py"]
NOT_OURS = {0, 400, 403, 404, 414, 431, 501, 505}  # what a server says before we are asked

SERVERS = ["uvicorn"] + ([] if sys.platform == "win32" else ["gunicorn"])


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tmp_path_factory):
    """A server process that outlives every attack of this module."""
    with serving_process(request.param, tmp_path_factory.mktemp("server")) as running:
        yield running


def basic(pair):
    """Give a header of HTTP Basic authentication."""
    return f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"


def without_token(*headers, path="/stats.json"):
    """Give a request that has these headers instead of the token."""
    return request(path, *headers, token=None)


WITHOUT_THE_TOKEN = {
    "no token": without_token(),
    "no token, dashboard": without_token(path="/"),
    "no token, style sheet": without_token(path="/dashboard.css"),
    "no token, unknown path": without_token(path="/nothing"),
    "wrong token": request(token="w" * len(TOKEN)),
    "empty bearer": without_token("Authorization: Bearer "),
    "empty header": without_token("Authorization:"),
    "prefix of the token": request(token=TOKEN[:-1]),
    "half of the token": request(token=TOKEN[: len(TOKEN) // 2]),
    "token and more": request(token=f"{TOKEN}x"),
    "token in capitals": request(token=TOKEN.upper()),
    "token twice": request(token=f"{TOKEN} {TOKEN}"),
    "token without scheme": without_token(f"Authorization: {TOKEN}"),
    "token in the query": without_token(path=f"/stats.json?token={TOKEN}&access_token={TOKEN}"),
    "token in the path": without_token(path=f"/{TOKEN}/stats.json"),
    "token in a cookie": without_token(f"Cookie: token={TOKEN}"),
    "token in another header": without_token(f"X-Api-Key: {TOKEN}", f"X-Auth-Token: {TOKEN}"),
    "token for the proxy": without_token(f"Proxy-Authorization: Bearer {TOKEN}"),
    "digest": without_token(f'Authorization: Digest username="{TOKEN}"'),
    "basic, token as user": without_token(basic(f"{TOKEN}:")),
    "basic, wrong password": without_token(basic("admin:admin")),
    "basic, no colon": without_token(basic(TOKEN)),
    "basic, no base64": without_token("Authorization: Basic %%%%"),
    "basic, not text": without_token("Authorization: Basic /////w=="),
    "two headers, wrong first": request("/stats.json", "Authorization: Bearer wrong"),
    "two right headers": request("/stats.json", f"Authorization: Bearer {TOKEN}"),
    "underscored header": without_token(f"HTTP_Authorization: Bearer {TOKEN}"),
    "folded header": without_token(f"Authorization: Bearer\r\n {TOKEN}x"),
    "NUL in the token": request(token=f"{TOKEN}\0"),
    "bytes beyond ASCII": request(token="\xff\xfe" * 20),
    "huge token": request(token="t" * 60_000),
    "says it is local": without_token("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"),
    "says it is another path": without_token("X-Original-URL: /icon.svg", path="/icon.svg"),
    "other method, no token": request(method="POST", token=None),
}

METHODS = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW", "get"]

PATHS = [
    "/../../etc/passwd",
    "/..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..\\..\\windows\\win.ini",
    "//stats.json",
    "//evil.example/stats.json",
    "/./stats.json",
    "/stats.json/",
    "/stats.json%00",
    "/stats.json%00.css",
    "/stats.json;.css",
    "/STATS.JSON",
    "/dashboard.html",
    "/dashboard.css/../view.py",
    "/templates/dashboard.html",
    "/%ff%fe",
    "/\xff\xfe",
    "/%0d%0aX-Evil:%20yes",
    "/%u002e%u002e/",
    "/" + "a" * 50_000,
    "stats.json",
    "*",
]

QUERIES = [
    "limit=-1",
    "limit=0",
    "limit=201",
    "limit=1e2",
    "limit=0x10",
    "limit=abc",
    "limit=",
    "limit=1.5",
    "limit=NaN",
    "limit=%00",
    "limit=%ff",
    "limit=%EF%BC%91",  # a digit of another script
    "limit=" + "9" * 900,
    "limit=1&limit=2",
    "offset=-1",
    "offset=1000001",
    "offset=99999999999999999999",
    "offset=1;drop",
    "offset=1%0d%0aX-Evil:%20yes",
    "&".join(f"a{number}=1" for number in range(1000)),
    "a=" + "b" * 20_000,
]

MALFORMED = {
    "nothing but line ends": b"\r\n\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
    "no version": b"GET /stats.json\r\n\r\n",
    "unknown version": b"GET /stats.json HTTP/9.9\r\nHost: a\r\n\r\n",
    "header without colon": b"GET /stats.json HTTP/1.1\r\nHost: a\r\nAuthorization\r\n\r\n",
    "a thousand headers": request("/stats.json", *(f"X-{n}: 1" for n in range(1000)), token=None),
    "two lengths": request("/stats.json", "Content-Length: 3", "Content-Length: 5", token=None),
    "length and chunks": request(
        "/stats.json", "Content-Length: 3", "Transfer-Encoding: chunked", token=None
    )
    + b"0\r\n\r\n",
    "negative length": request("/stats.json", "Content-Length: -1", token=None),
    "hidden second request": without_token("Content-Length: 0") + without_token(),
}


def assert_unharmed(server, answer):
    """Nothing secret came back, and the server still answers those who may ask."""
    whole = answer.head.encode("latin-1") + answer.body
    assert not [secret for secret in SECRETS if secret in whole]
    assert "x-evil" not in answer.head.lower()
    assert server.process.poll() is None


@pytest.mark.parametrize("attack", WITHOUT_THE_TOKEN)
def test_without_the_token_there_is_nothing(server, attack):
    """Whatever is sent in the token's place: the same refusal for every path, and no figures."""
    answer = server.send(WITHOUT_THE_TOKEN[attack])
    assert_unharmed(server, answer)
    assert answer.status == 401 or answer.status in NOT_OURS
    if answer.status == 401:
        assert answer.body == b"The token is missing or wrong.\n"
    assert b"db.select" not in answer.body


@pytest.mark.parametrize("method", METHODS)
def test_everything_but_reading_is_refused(server, method):
    """A method other than GET and HEAD changes nothing and gives no figures, token or not."""
    answer = server.send(request(method=method))
    assert_unharmed(server, answer)
    assert answer.status == 405 or answer.status in NOT_OURS
    if answer.status == 405:
        assert "allow: get, head" in answer.head.lower()
    assert b"db.select" not in answer.body


def test_a_method_cannot_be_smuggled_in_a_header(server):
    """A header that asks for another method is not looked at."""
    for method in ("POST", "GET"):
        answer = server.send(request("/", "X-HTTP-Method-Override: DELETE", method=method))
        assert answer.status == (200 if method == "GET" else 405)


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_only_the_paths_there_are_exist(server, path):
    """No spelling of a path reaches a file, another path's answer, or a header."""
    answer = server.send(request(path))
    assert_unharmed(server, answer)
    assert answer.status in NOT_OURS
    assert b"db.select" not in answer.body
    assert b"{%" not in answer.body


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
@pytest.mark.parametrize("path", ["/", "/stats.json"])
def test_paging_numbers_are_bounded(server, path, query):
    """A page that is none is refused with the bounds, without repeating what was sent."""
    answer = server.send(request(f"{path}?{query}"))
    assert_unharmed(server, answer)
    assert answer.status in {400, 414}
    assert b"db.select" not in answer.body


@pytest.mark.parametrize("attack", MALFORMED)
def test_what_is_no_request_gets_no_figures(server, attack):
    """Broken requests are the server's to refuse; what gets through has no token."""
    answer = server.send(MALFORMED[attack], patience_s=1)
    assert_unharmed(server, answer)
    assert answer.status == 401 or answer.status in NOT_OURS
    assert b"db.select" not in answer.body


def test_a_broken_exporter_tells_nothing(server):
    """Where `metrics` raises, the answer is one fixed sentence; the log has the rest."""
    answer = server.send(request("/metrics"))
    assert (answer.status, answer.body) == (500, b"This could not be answered.\n")
    assert_unharmed(server, answer)
    assert "leak-metrics" in server.written()


@pytest.mark.parametrize("path", ["/", "/stats.json", "/dashboard.css", "/nothing"])
def test_head_is_get_without_its_body(server, path):
    """HEAD has the headers of GET, the length included, and not one byte of the body."""
    told = server.send(request(path, method="HEAD"))
    full = server.send(request(path))
    assert (told.status, told.body) == (full.status, b"")
    assert length_of(told) == len(full.body)


def length_of(answer):
    """Give the content length that an answer states."""
    (line,) = [one for one in answer.head.lower().splitlines() if one.startswith("content-length")]
    return int(line.split(":")[1])


def test_every_answer_is_protected(server):
    """Refusals, pages and data alike may not be stored, framed, sniffed or referred from."""
    for raw in (request("/"), request(), request("/nothing"), request(token=None)):
        head = server.send(raw).head.lower()
        assert "cache-control: no-store" in head
        assert "x-content-type-options: nosniff" in head
        assert "frame-ancestors 'none'" in head
        assert "default-src 'none'" in head
        assert "unsafe-inline" not in head
        assert "referrer-policy: no-referrer" in head
        assert "access-control-allow" not in head


def test_only_aggregates_are_shown(server):
    """Metadata, stacks, errors and their classes are in neither form, though events hold them."""
    for path in ("/", "/stats.json"):
        answer = server.send(request(path))
        assert answer.status == 200
        assert b"slow.report" in answer.body
        assert_unharmed(server, answer)


def test_hostile_names_stay_names(server):
    """Markup, control characters, lone surrogates and very long names are harmless data."""
    page = server.send(request("/")).body.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "{{ 7 * 7 }}" in page
    assert not set(page) & set("\x00\x07\x1b\u202e\u2028")
    document = json.loads(server.send(request()).body)
    names = [one["operation"] for one in document["stats"]]
    assert "alone\\ud800" in names
    assert "invoice\\u202egnp.exe" in names
    assert '","stats":[]' in names
    assert all(name.isprintable() for name in names)
    assert max(map(len, names)) == 201


def test_a_flood_is_answered_and_survived(server):
    """Many clients at once, with and without the token, all get what is theirs."""

    def ask(number):
        return server.send(request(token=TOKEN if number % 2 else "w" * 40)).status

    with ThreadPoolExecutor(16) as clients:
        statuses = list(clients.map(ask, range(200)))
    assert statuses == [200 if number % 2 else 401 for number in range(200)]
    assert server.process.poll() is None


def test_the_log_is_free_of_tracebacks_that_attacks_caused(server):
    """Only the broken exporter left a traceback: no attack found a way to raise."""
    answer = server.send(request(token=None))
    assert answer.status == 401
    log = server.written()
    assert log.count("Traceback") == log.count("RuntimeError: leak-metrics")
