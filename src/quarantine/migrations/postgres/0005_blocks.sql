-- Among a million entries this takes longer than a message may wait.
SET LOCAL statement_timeout = 0;

-- Entries that are not in the search index yet. They are taken into it later, many at once; so are all that are here already.
CREATE TABLE fresh (entry TEXT COLLATE "C" NOT NULL PRIMARY KEY);
INSERT INTO fresh (entry) SELECT id FROM entry;

-- The search index: blocks of entries in the order of their identifiers.
CREATE TABLE block (
    number BIGINT NOT NULL PRIMARY KEY,
    -- Entries that are not gone, and how many terms they have.
    live BIGINT NOT NULL,
    terms BIGINT NOT NULL,
    -- Times as identifiers begin with: of the first one on each page, and of the last.
    times TEXT COLLATE "C" NOT NULL,
    last TEXT COLLATE "C" NOT NULL
);

-- The values that entries of a block have in a field, sorted, from `first` on, and which entries. In the field `#` are their identifiers.
CREATE TABLE page (
    block BIGINT NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    first TEXT COLLATE "C" NOT NULL,
    terms BYTEA NOT NULL
);
CREATE UNIQUE INDEX page_place ON page (block, field, first);
-- They are packed already, and stay in their rows.
ALTER TABLE page ALTER COLUMN terms SET STORAGE EXTERNAL;
ALTER TABLE page SET (toast_tuple_target = 8160);

-- What entries were found by until now.
DROP TABLE term;
DROP INDEX entry_facts;
DROP INDEX entry_wave;
DROP INDEX entry_state;
DROP INDEX entry_kept;
-- What retention and the figures of the quarantine ask.
CREATE INDEX entry_kept ON entry (kept, id, domain, size, state);
