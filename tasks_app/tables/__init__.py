"""Tables as people have them: any usual file becomes rows, and rows become a task.

A file is read whatever its format, encoding or separator (`sources`), written as JSONL for the
import (`conversion`), described column by column (`profiles`), and each column gets the role that
its name and values suggest (`roles`), from which a first definition is written (`starts`).
"""
