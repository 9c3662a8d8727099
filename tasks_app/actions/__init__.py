"""Named writes of tasks, runs and scorings: keyword-only, the actor is `by`.

Each checks its permission, works in one transaction, and writes its audit row and outbox event
inside it.
"""
