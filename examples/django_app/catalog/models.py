"""What the library has."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Book(models.Model):
    """A book on the shelves."""

    title = models.CharField(max_length=200, db_index=True)
    author = models.CharField(max_length=200)

    class Meta:
        """How books are listed."""

        ordering: ClassVar = ["title"]

    def __str__(self) -> str:
        return f"{self.author}: {self.title}"
