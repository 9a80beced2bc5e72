-- A quarantined message. Times are milliseconds since 1970 (UTC). `kept` is 1 while the bytes are there.
CREATE TABLE entry (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL,
    kept BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    queue_id TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C",
    -- Exactly as in MAIL and RCPT; recipients with a NUL between them.
    sender BYTEA NOT NULL,
    recipients BYTEA NOT NULL,
    client TEXT COLLATE "C",
    client_name TEXT COLLATE "C" NOT NULL,
    helo TEXT COLLATE "C" NOT NULL,
    host TEXT COLLATE "C" NOT NULL,
    auth_user TEXT COLLATE "C",
    subject TEXT COLLATE "C",
    class TEXT COLLATE "C" NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    kind TEXT COLLATE "C",
    -- All of the verdict, as JSON.
    verdict TEXT COLLATE "C" NOT NULL,
    rule TEXT COLLATE "C",
    size BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    trace TEXT COLLATE "C" NOT NULL,
    -- The domain of all recipients; empty where they have several.
    domain TEXT COLLATE "C" NOT NULL,
    -- Key of `repeat`.
    digest BYTEA NOT NULL
);
CREATE INDEX entry_state ON entry (state, id);
CREATE INDEX entry_kept ON entry (kept, id, domain, size);

-- The bytes of a message, in parts, packed.
CREATE TABLE part (
    entry TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    bytes BYTEA NOT NULL
);
CREATE UNIQUE INDEX part_place ON part (entry, number);

-- Entries whose parts are here before themselves.
CREATE TABLE staged (entry TEXT COLLATE "C" NOT NULL PRIMARY KEY, since BIGINT NOT NULL);

-- The key of an encrypted entry, wrapped for each domain of its recipients.
CREATE TABLE wrapped (
    entry TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (entry, domain)
);

-- What entries are found by.
CREATE TABLE term (
    field TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    entry TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (field, value, entry)
);

-- Which message is stored already: a hash of bytes, sender, recipients and client.
CREATE TABLE repeat (digest BYTEA NOT NULL PRIMARY KEY, entry TEXT COLLATE "C" NOT NULL, until BIGINT NOT NULL);
CREATE INDEX repeat_until ON repeat (until);

CREATE TABLE audit (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_entry ON audit (entry, number);
