"""Code tasks: reading what authors write and what their code leaves behind. Nothing here runs it.

`notebook` turns a file or a notebook into one script, `inspecting` looks at it without running it,
`artifacts` reads the files that `kaggle-benchmarks` writes, `result_file` reads our own. All are
pure: they know no database. What they notice they tell as a `Finding`.
"""
