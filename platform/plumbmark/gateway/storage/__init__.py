"""Storage of calls: records, the spool, the recorder and recovery."""
