"""Where the books are."""

from __future__ import annotations

from django.urls import path

from catalog import views

urlpatterns = [path("", views.found), path("<int:number>/", views.book)]
