"""Tasks in a database."""

from __future__ import annotations

from sqlalchemy import Engine, false, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

PAGE = 50


class Base(DeclarativeBase):
    """The tables of this service."""


class Task(Base):
    """Something to do, or done."""

    __tablename__ = "tasks"

    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False, index=True)


def prepare(engine: Engine) -> None:
    """Make the tables that are missing."""
    Base.metadata.create_all(engine)


def add(engine: Engine, title: str) -> int:
    """Keep a task; gives its number."""
    with Session(engine) as session, session.begin():
        task = Task(title=title)
        session.add(task)
        session.flush()
        return task.number


def finish(engine: Engine, number: int) -> bool:
    """End a task; says whether there is one of that number."""
    with Session(engine) as session, session.begin():
        task = session.get(Task, number)
        if task is not None:
            task.done = True
        return task is not None


def unfinished(engine: Engine) -> list[tuple[int, str]]:
    """Give numbers and titles of the newest tasks that are open."""
    query = select(Task.number, Task.title).where(Task.done == false())
    with Session(engine) as session:
        rows = session.execute(query.order_by(Task.number.desc()).limit(PAGE))
        return [(number, title) for number, title in rows]
