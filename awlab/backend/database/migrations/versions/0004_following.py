"""Objects registered together may follow each other: their links are checked at the end if asked.

Revision ID: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The row of an object that `prev` names is written by the trigger of the same statement.
STATEMENT = """DO $$
    DECLARE
        link record;
    BEGIN
        FOR link IN SELECT c.conrelid::regclass AS own, c.conname FROM pg_constraint c
            JOIN awlab.dbclass d ON c.conrelid = format('awlab.%I', d.name)::regclass
            WHERE c.contype = 'f' AND NOT c.condeferrable
        LOOP
            EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE', link.own, link.conname);
        END LOOP;
    END $$"""


def upgrade() -> None:
    """Let the keys of links wait for the end of a transaction that asks for it."""
    op.execute(STATEMENT)


def downgrade() -> None:
    """Only the way up is supported: tombstones are not given up."""
    raise RuntimeError("a database does not go back behind version 0002")
