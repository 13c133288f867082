"""Deletion that leaves a tombstone, lists of links that are no lineage, edges checked at once.

Revision ID: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Lists of links that only name things: a walk never meets them.
    """CREATE TABLE reference (
        target bigint NOT NULL,
        source bigint NOT NULL REFERENCES dbobject (id),
        role integer NOT NULL REFERENCES dbrole (id),
        ordinal integer NOT NULL,
        PRIMARY KEY (target, role, ordinal) INCLUDE (source))""",
    "CREATE INDEX reference_source ON reference (source, role) INCLUDE (target)",
    # What was deleted, by whom and why. `transaction` ties the deletion to its tombstone.
    """CREATE TABLE tombstone (
        id bigint PRIMARY KEY,
        object_id uuid NOT NULL UNIQUE,
        class_name text NOT NULL,
        creator text NOT NULL,
        project text NOT NULL,
        privileges smallint NOT NULL CHECK (privileges < 3),
        creation_date timestamp NOT NULL,
        member text NOT NULL,
        made timestamp NOT NULL,
        reason text NOT NULL,
        transaction xid8 NOT NULL DEFAULT pg_current_xact_id())""",
    # Nobody makes anything from an object that is about to go: edges wait until it is gone, and
    # are then refused by check_edges.
    """CREATE FUNCTION hold_edges() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        LOCK TABLE awlab.edge, awlab.reference IN SHARE ROW EXCLUSIVE MODE;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER hold_edges BEFORE INSERT ON tombstone
        FOR EACH STATEMENT EXECUTE FUNCTION hold_edges()""",
    """CREATE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        number bigint := to_jsonb(OLD) ->>
            CASE WHEN TG_TABLE_NAME IN ('edge', 'reference') THEN 'target' ELSE 'id' END;
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM awlab.tombstone t
                       WHERE t.id = number AND t.transaction = pg_current_xact_id()) THEN
            RAISE EXCEPTION 'nothing is deleted without a tombstone (%, id %)',
                TG_TABLE_NAME, number;
        END IF;
        IF TG_TABLE_NAME = 'dbobject' AND (
            EXISTS (SELECT 1 FROM awlab.edge WHERE source = number)
            OR (to_jsonb(OLD) ->> 'privileges')::int > 2) THEN
            RAISE EXCEPTION 'an object that is public or was used stays (id %)', number;
        END IF;
        RETURN OLD;
    END $$""",
    """CREATE FUNCTION refuse_always() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% of % is refused: what is written stays', TG_OP, TG_TABLE_NAME;
    END $$""",
    """CREATE TRIGGER refuse_loss BEFORE DELETE ON dbobject
        FOR EACH ROW EXECUTE FUNCTION refuse_loss()""",
    """CREATE TRIGGER refuse_change BEFORE UPDATE ON dbobject
        FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER refuse_always BEFORE TRUNCATE ON dbobject
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_always()""",
    """CREATE TRIGGER refuse_loss BEFORE DELETE ON edge
        FOR EACH ROW EXECUTE FUNCTION refuse_loss()""",
    """CREATE TRIGGER refuse_loss BEFORE DELETE ON reference
        FOR EACH ROW EXECUTE FUNCTION refuse_loss()""",
    """CREATE TRIGGER refuse_always BEFORE UPDATE OR TRUNCATE ON edge
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_always()""",
    """CREATE TRIGGER refuse_always BEFORE UPDATE OR TRUNCATE ON reference
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_always()""",
    """CREATE TRIGGER refuse_always BEFORE UPDATE OR DELETE OR TRUNCATE ON tombstone
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_always()""",
    # Foreign keys look up every row on its own, and took a third of bulk registration. The two
    # that only the class's own trigger writes go; that of the sources is checked a statement at
    # a time, in both directions: here, and in refuse_loss.
    "ALTER TABLE edge DROP CONSTRAINT edge_source_fkey",
    "ALTER TABLE edge DROP CONSTRAINT edge_role_fkey",
    "ALTER TABLE dbobject DROP CONSTRAINT dbobject_class_id_fkey",
    """CREATE FUNCTION check_edges() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        lost bigint;
    BEGIN
        SELECT n.source INTO lost FROM new_rows n
            WHERE NOT EXISTS (SELECT 1 FROM awlab.dbobject o WHERE o.id = n.source) LIMIT 1;
        IF FOUND THEN
            RAISE foreign_key_violation
                USING MESSAGE = format('an input does not exist, or was deleted (id %s)', lost);
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER check_edges AFTER INSERT ON edge REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION check_edges()""",
    # Tables of classes that exist already; new ones get it when they are made.
    """DO $$
    DECLARE
        class record;
    BEGIN
        FOR class IN SELECT name FROM dbclass WHERE to_regclass(quote_ident(name)) IS NOT NULL LOOP
            EXECUTE format('CREATE TRIGGER refuse_loss BEFORE DELETE ON %I
                FOR EACH ROW EXECUTE FUNCTION refuse_loss()', class.name);
            EXECUTE format('CREATE TRIGGER refuse_always BEFORE TRUNCATE ON %I
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_always()', class.name);
        END LOOP;
        -- Delivered files are private: identical content is one object per user.
        IF to_regclass('"RawFits"') IS NOT NULL THEN
            DROP INDEX "RawFits_unique";
            CREATE UNIQUE INDEX "RawFits_unique" ON "RawFits" (content_sha256, creator);
        END IF;
    END $$""",
)


def upgrade() -> None:
    """Make the tables and the guards."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Only the way up is supported: tombstones are not given up."""
    raise RuntimeError("a database does not go back behind version 0002")
