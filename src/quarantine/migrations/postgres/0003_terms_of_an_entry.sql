-- So that a search that goes along entries asks each one for a beginning without reading all values that begin so.
CREATE INDEX term_entry ON term (entry, field, value);
