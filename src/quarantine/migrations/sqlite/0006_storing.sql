-- What a message is known by goes with its entry.
DROP INDEX repeat_until;
