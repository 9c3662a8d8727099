"""The evaluation core: planned samples in, sample results out. No Django, no Celery.

The public names are those of `ports` (what the engine needs from outside), `plan` (its input and
output) and `evaluation` (the loop). May import `plumbmark.scoring`; is imported by
`plumbmark.gateway` for its ports and by `tasks_app.jobs`, which wires everything together.
"""

ENGINE_VERSION = "1"
"""Part of every run's frozen inputs: raised when the same plan could give other requests."""
