"""Programs that are run by a bare interpreter of their own, outside the worker's process.

They import nothing but the standard library, and little of that, because their start is part of
every run's. `texts` puts the parts that a program needs one after the other, so that it is one file
without imports of its own.
"""
