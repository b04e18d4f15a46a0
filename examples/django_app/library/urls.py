"""Where everything is."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("books/", include("catalog.urls"))]
