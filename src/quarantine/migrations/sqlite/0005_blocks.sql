-- Entries that are not in the search index yet. They are taken into it later, many at once; so are all that are here already.
CREATE TABLE fresh (entry TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
INSERT INTO fresh (entry) SELECT id FROM entry;

-- The search index: blocks of entries in the order of their identifiers.
CREATE TABLE block (
    number BIGINT NOT NULL PRIMARY KEY,
    -- Entries that are not gone, and how many terms they have.
    live BIGINT NOT NULL,
    terms BIGINT NOT NULL,
    -- Times as identifiers begin with: of the first one on each page, and of the last.
    times TEXT NOT NULL,
    last TEXT NOT NULL
);

-- The values that entries of a block have in a field, sorted, from `first` on, and which entries. In the field `#` are their identifiers.
CREATE TABLE page (
    block BIGINT NOT NULL,
    field TEXT NOT NULL,
    first TEXT NOT NULL,
    terms BLOB NOT NULL
);
CREATE UNIQUE INDEX page_place ON page (block, field, first);

-- What entries were found by until now.
DROP TABLE term;
DROP INDEX entry_facts;
DROP INDEX entry_wave;
DROP INDEX entry_state;
DROP INDEX entry_kept;
-- What retention and the figures of the quarantine ask.
CREATE INDEX entry_kept ON entry (kept, id, domain, size, state);
