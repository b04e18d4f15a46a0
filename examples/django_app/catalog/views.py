"""What the library answers, as JSON."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404

from catalog.models import Book
from catalog.search import search


def found(request: HttpRequest) -> JsonResponse:
    """List the books that a search finds."""
    return JsonResponse({"books": [_shown(book) for book in search(request.GET.get("title", ""))]})


def book(_request: HttpRequest, number: int) -> JsonResponse:
    """Show one book."""
    return JsonResponse(_shown(get_object_or_404(Book, pk=number)))


def _shown(book: Book) -> dict[str, Any]:
    return {"number": book.pk, "title": book.title, "author": book.author}
