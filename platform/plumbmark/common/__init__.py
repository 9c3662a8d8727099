"""What every app shares: public ids, outbox, audit events, REST bases, template tags."""
