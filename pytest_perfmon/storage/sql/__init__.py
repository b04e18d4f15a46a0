"""Keep runs in a database: SQLite, or PostgreSQL through psycopg."""
