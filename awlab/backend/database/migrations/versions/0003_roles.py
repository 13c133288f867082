"""Edges have a role that exists: checked with their sources, a statement at a time.

Revision ID: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENT = """CREATE OR REPLACE FUNCTION check_edges() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        lost bigint;
    BEGIN
        SELECT n.source INTO lost FROM new_rows n
            WHERE NOT EXISTS (SELECT 1 FROM awlab.dbobject o WHERE o.id = n.source) LIMIT 1;
        IF FOUND THEN
            RAISE foreign_key_violation
                USING MESSAGE = format('an input does not exist, or was deleted (id %s)', lost);
        END IF;
        SELECT role INTO lost FROM new_rows EXCEPT SELECT id FROM awlab.dbrole LIMIT 1;
        IF FOUND THEN
            RAISE check_violation USING MESSAGE = format('an edge has no such role (%s)', lost);
        END IF;
        RETURN NULL;
    END $$"""


def upgrade() -> None:
    """Check the roles too."""
    op.execute(STATEMENT)


def downgrade() -> None:
    """Only the way up is supported: tombstones are not given up."""
    raise RuntimeError("a database does not go back behind version 0002")
