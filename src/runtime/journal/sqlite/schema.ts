/** The tables of a journal, format 1. */

/** "swch", so that a foreign database is known as one. */
export const APPLICATION_ID = 0x73776368;
/** Raised with every change that an older Swarmchart cannot read. */
export const FORMAT = 1;

export const SCHEMA = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    started_at REAL NOT NULL,
    changed_at REAL NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    cut_seq INTEGER NOT NULL DEFAULT 0,
    cut_hash TEXT NOT NULL DEFAULT ''
  ) STRICT;
  CREATE INDEX streams_by_status ON streams (status, changed_at);
  CREATE TABLE facts (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX facts_of_streams ON facts (stream, seq);
  -- Rows that are dropped and not yet deleted: those of a stream up to a number.
  CREATE TABLE dropped (stream INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (stream, seq)) STRICT, WITHOUT ROWID;
`;
