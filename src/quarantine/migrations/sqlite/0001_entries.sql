-- A quarantined message. Times are milliseconds since 1970 (UTC). `kept` is 1 while the bytes are there.
CREATE TABLE entry (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    kept BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    queue_id TEXT NOT NULL,
    message_id TEXT,
    -- Exactly as in MAIL and RCPT; recipients with a NUL between them.
    sender BLOB NOT NULL,
    recipients BLOB NOT NULL,
    client TEXT,
    client_name TEXT NOT NULL,
    helo TEXT NOT NULL,
    host TEXT NOT NULL,
    auth_user TEXT,
    subject TEXT,
    class TEXT NOT NULL,
    score DOUBLE NOT NULL,
    kind TEXT,
    -- All of the verdict, as JSON.
    verdict TEXT NOT NULL,
    rule TEXT,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    trace TEXT NOT NULL,
    -- The domain of all recipients; empty where they have several.
    domain TEXT NOT NULL,
    -- Key of `repeat`.
    digest BLOB NOT NULL
);
CREATE INDEX entry_state ON entry (state, id);
CREATE INDEX entry_kept ON entry (kept, id, domain, size);

-- The bytes of a message, in parts, packed.
CREATE TABLE part (
    entry TEXT NOT NULL,
    number BIGINT NOT NULL,
    bytes BLOB NOT NULL
);
CREATE UNIQUE INDEX part_place ON part (entry, number);

-- Entries whose parts are here before themselves.
CREATE TABLE staged (entry TEXT NOT NULL PRIMARY KEY, since BIGINT NOT NULL) WITHOUT ROWID;

-- The key of an encrypted entry, wrapped for each domain of its recipients.
CREATE TABLE wrapped (
    entry TEXT NOT NULL,
    domain TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (entry, domain)
) WITHOUT ROWID;

-- What entries are found by.
CREATE TABLE term (
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (field, value, entry)
) WITHOUT ROWID;

-- Which message is stored already: a hash of bytes, sender, recipients and client.
CREATE TABLE repeat (digest BLOB NOT NULL PRIMARY KEY, entry TEXT NOT NULL, until BIGINT NOT NULL) WITHOUT ROWID;
CREATE INDEX repeat_until ON repeat (until);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    entry TEXT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    why TEXT NOT NULL
);
CREATE INDEX audit_entry ON audit (entry, number);
