"""Links in a database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of this service."""


class Link(Base):
    """A short code, where it leads, and how often it was followed."""

    __tablename__ = "links"

    code: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str]
    visits: Mapped[int] = mapped_column(default=0)


class UnknownLinkError(LookupError):
    """Nobody made a link with that code."""


@dataclass(frozen=True, slots=True)
class LinkStore:
    """The links of one database."""

    engine: AsyncEngine

    async def prepare(self) -> None:
        """Make the tables that are missing."""
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def add(self, target: str) -> str:
        """Keep an address; gives its code."""
        code = secrets.token_urlsafe(6)
        async with AsyncSession(self.engine) as session, session.begin():
            session.add(Link(code=code, target=target))
        return code

    async def follow(self, code: str) -> str:
        """Count a visit; gives where the link leads.

        Raises:
            UnknownLinkError: for a code that is none.
        """
        visit = update(Link).where(Link.code == code).values(visits=Link.visits + 1)
        async with AsyncSession(self.engine) as session, session.begin():
            target: str | None = await session.scalar(visit.returning(Link.target))
        if target is None:
            raise UnknownLinkError(code)
        return target

    async def visits(self, code: str) -> int:
        """Tell how often a link was followed.

        Raises:
            UnknownLinkError: for a code that is none.
        """
        async with AsyncSession(self.engine) as session:
            link = await session.get(Link, code)
        if link is None:
            raise UnknownLinkError(code)
        return link.visits
