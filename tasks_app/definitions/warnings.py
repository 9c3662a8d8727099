"""What a definition may hold and that still looks like a mistake."""

from plumbmark.scoring.templates import CHOICES, parse_template
from tasks_app.definitions.characters import INVISIBLE, name_of
from tasks_app.definitions.document import Definition, parts_of
from tasks_app.definitions.rendering import columns_used


def definition_warnings(definition: Definition) -> list[str]:
    """Return one sentence for each warning."""
    prompt = definition.prompt
    shown = [
        prompt.system,
        *(part.template for turn in prompt.messages for part in parts_of(turn.content)),
    ]
    columns = {column for text in shown for column in parse_template(text).columns}
    warnings = []
    target = definition.data.target
    used = columns_used(definition)
    for column in target.columns if target else ():
        # A tool may be what the answer is to be found with.
        if used.get(column, "").startswith("prompt"):
            warnings.append(f"the prompt shows the column {column!r}, which holds the right answer")
    if definition.data.choices is not None and CHOICES not in columns:
        named = set(definition.data.choices.columns) & columns
        if not named:
            warnings.append("the prompt does not show the options; put {choices} into it")
    examples = [
        text
        for shot in prompt.few_shot
        for text in (*(part.template for part in parts_of(shot.user)), shot.assistant)
    ]
    found = {one for text in (*shown, *examples) for one in INVISIBLE.findall(text)}
    warnings += [
        f"the prompt holds the invisible character {name_of(one)}" for one in sorted(found)
    ]
    return warnings
