"""`--perf-against` on tests of a Django project, with pytest-django in every worker."""

from __future__ import annotations

import pytest
from two_sides import TwoSides

pytest.importorskip("pytest_django")
pytestmark = pytest.mark.slow
SETTINGS = """
INSTALLED_APPS = ["shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {{
    "default": {{
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "never-used.sqlite3",
        "TEST": {{"NAME": {name!r}}},
    }}
}}
"""
MODELS = """
from django.db import models

class Order(models.Model):
    number = models.IntegerField()
"""
TEST = """
import pytest
from django.db import connection
from product import work
from shop.models import Order

@pytest.fixture
def orders(db):
    with open({said!r}, "a") as file:
        file.write(connection.settings_dict["NAME"] + "\\n")
    Order.objects.bulk_create(Order(number=number) for number in range(20))

def test_orders(perf_monitor, perf_clock, orders):
    for _ in perf_monitor.rounds():
        assert Order.objects.filter(number__lt=10).count() == 10
        work(perf_clock)
"""


def test_a_database_fixture_lives_in_both_sides(project, tmp_path_factory, monkeypatch):
    """Each side has a test database of its own, and the run one more; all are gone afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    place, said = tmp_path_factory.mktemp("databases"), tmp_path_factory.mktemp("said") / "names"
    project.use("pytest_django.plugin")
    sides = TwoSides(project, tmp_path_factory.mktemp("baseline"))
    sides.lay_out(
        TEST.format(said=str(said)),
        ini="DJANGO_SETTINGS_MODULE = site_settings\ndjango_find_project = false\n",
        site_settings=SETTINGS.format(name=str(place / "orders.sqlite3")),
        **{"shop/__init__": "", "shop/models": MODELS},
    )
    base = f"--perf-against=dir:{sides.baseline}"
    result = project.run_apart(base, "--perf-blocks=2", "--perf-json=perf-report.json")
    assert result.ret == 0
    assert sides.verdicts() == {"test_orders": pytest.approx(2.0, abs=1e-3)}
    names = said.read_text().splitlines()
    assert sorted(map(names.count, set(names))) == [1, 2, 2]
    assert [name.rpartition("_")[2] for name in sorted(set(names))[1:]] == ["gw91", "gw92"]
    assert list(place.iterdir()) == []
