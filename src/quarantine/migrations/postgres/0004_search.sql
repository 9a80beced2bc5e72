-- Among a million entries this takes longer than a message may wait.
SET LOCAL statement_timeout = 0;

-- So that a search for values that begin alike can go along the entries in their order, and ask one entry, in the index alone.
CREATE INDEX term_walk ON term (field, entry, value);
DROP INDEX term_entry;

-- What else is asked of entries, so that a search does not read their rows.
CREATE INDEX entry_facts ON entry (id, state, class, kind, score, wave);
