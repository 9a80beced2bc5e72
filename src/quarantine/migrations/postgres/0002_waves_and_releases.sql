ALTER TABLE entry ADD COLUMN wave TEXT COLLATE "C";
ALTER TABLE entry ADD COLUMN follows TEXT COLLATE "C";
CREATE INDEX entry_wave ON entry (wave, id) WHERE wave IS NOT NULL;

-- What is to be sent: one row for each recipient of a release.
CREATE TABLE attempt (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry TEXT COLLATE "C" NOT NULL,
    recipient BYTEA NOT NULL,
    options TEXT COLLATE "C" NOT NULL,
    progress TEXT COLLATE "C" NOT NULL,
    tries BIGINT NOT NULL,
    next_try BIGINT NOT NULL,
    reply TEXT COLLATE "C" NOT NULL
);
CREATE INDEX attempt_entry ON attempt (entry, number);
CREATE INDEX attempt_due ON attempt (progress, next_try);

-- Lists that all hosts share.
CREATE TABLE shared (
    list TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (list, name)
);

CREATE TABLE counter (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, span BIGINT NOT NULL, value BIGINT NOT NULL);
