"""Programs run by a bare interpreter, outside the worker's process.

They import nothing but the standard library, and little of that, because their start is part of
every run's. `texts` joins the parts that a program needs, so that it is one file without imports.
"""
