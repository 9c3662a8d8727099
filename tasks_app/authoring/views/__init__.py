"""Pages of tasks: the list, the editor, a task and its versions."""
