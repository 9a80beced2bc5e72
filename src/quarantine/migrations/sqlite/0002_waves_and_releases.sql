ALTER TABLE entry ADD COLUMN wave TEXT;
ALTER TABLE entry ADD COLUMN follows TEXT;
CREATE INDEX entry_wave ON entry (wave, id) WHERE wave IS NOT NULL;

-- What is to be sent: one row for each recipient of a release.
CREATE TABLE attempt (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    entry TEXT NOT NULL,
    recipient BLOB NOT NULL,
    options TEXT NOT NULL,
    progress TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_try BIGINT NOT NULL,
    reply TEXT NOT NULL
);
CREATE INDEX attempt_entry ON attempt (entry, number);
CREATE INDEX attempt_due ON attempt (progress, next_try);

-- Lists that all hosts share.
CREATE TABLE shared (
    list TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (list, name)
) WITHOUT ROWID;

CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, span BIGINT NOT NULL, value BIGINT NOT NULL) WITHOUT ROWID;
