"""Code execution: a program made of the output and the item's tests runs to its end, or fails.

The scorer is pure: it writes the program and reads what became of it. Running it, in the sandbox,
is the caller's. The answer and its tests run in two processes, so that an answer cannot say that
it is right (`tested_programs`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from plumbmark.scoring.author_code import MAX_SOURCE
from plumbmark.scoring.code_blocks import WHOLE, TakenCode, take_code
from plumbmark.scoring.program_harness import UNSHIELDED
from plumbmark.scoring.scorers.base import (
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
    parse_option_template,
)
from plumbmark.scoring.templates import parse_template
from plumbmark.scoring.tested_programs import split_program
from plumbmark.scoring.verdicts import Verdict, quote

OUTPUT = "output"
"""`{output}` stands for the code that was taken from the model's output."""

_MAX_TAIL = 2000
_NOT_SHIELDED = (
    "The sandbox failed: on this machine an answer could read its tests. It needs a kernel with "
    "Landlock (Linux 5.13), or the setting kernel.yama.ptrace_scope=1. This is not the model's."
)


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """The end of a program. `exit_code` None: it was killed. `output`: its last words."""

    exit_code: int | None
    output: str
    timed_out: bool
    detail: str = ""
    """Why it was ended, for people, where a limit did it."""


class CodeExecution(Scorer):
    """Right where a Python program, made of the output and the item's tests, runs to its end in the
    sandbox."""

    version: ClassVar[str] = "3"

    type: Literal["code_execution"]
    template: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE)] = Field(
        alias="program",
        description="A template like a message's: `{output}` is the model's code, `{column}` an "
        "item's value, `{{` and `}}` are literal braces.",
    )
    take: Literal["last", "first", "longest", "all", "whole", "block"] = Field(
        default="last",
        description="What `{output}` is: the last, first or longest fenced code block, all of them "
        "one after the other, or always the whole output. Blocks of Python go before others; "
        "without any block it is the whole output. `block` is an older word for `last`.",
    )
    timeout_seconds: float = Field(
        default=10.0, ge=0.1, le=120, description="Seconds after which the program has failed."
    )

    def check(self) -> None:
        missing = "the scorer code_execution needs a program"
        if OUTPUT not in parse_option_template(self.template, "program", missing).columns:
            raise ScorerSpecError(
                "the program never uses {output}, so every answer would fare alike", "program"
            )
        tests = self.template[self.template.rindex("{" + OUTPUT + "}") :].partition("\n")[2]
        first = next((line for line in tests.splitlines() if line.strip()), "")
        if first[:1].isspace():
            raise ScorerSpecError(
                "the lines after the one with {output} are the tests; they run apart from the "
                "answer and must begin at the left margin",
                "program",
            )

    @property
    def options(self) -> Mapping[str, object]:
        # Under its older word, so that versions from before have the same hash.
        take = "block" if self.take == "last" else self.take
        return {**super().options, "take": take}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data that the program uses."""
        return tuple(name for name in parse_template(self.template).columns if name != OUTPUT)

    def take_from(self, output: str) -> TakenCode:
        """Return the code that is taken from an output."""
        if self.take == "whole":
            return TakenCode(output, WHOLE)
        return take_code(output, "last" if self.take == "block" else self.take)

    def program_input(self, output: str, values: Mapping[str, str], *, token: str) -> bytes:
        """Return what `tested_programs.harness` reads. It prints `token` when the tests have run to
        their end; `UnreadableTests` where the author's tests are no program.

        An exit code of 0 alone proves nothing: an answer may simply exit before the tests.
        """
        code = self.take_from(output).code
        template = parse_template(self.template)
        return split_program(template, values, code, name=OUTPUT).as_input(code, token=token)

    def verdict(self, ran: ProgramResult, *, token: str, output: str = "") -> Verdict:
        """Return the verdict of a run of `program` with the same token; of `output` it says which
        part was run.
        """
        verdict = self._verdict(ran, token)
        which = self.take_from(output).which
        if which == WHOLE:
            return verdict
        return replace(verdict, explanation=f"{verdict.explanation} What ran was {which}.")

    def _verdict(self, ran: ProgramResult, token: str) -> Verdict:
        if f"{token} {UNSHIELDED}" in ran.output.split("\n"):
            return Verdict(None, None, _NOT_SHIELDED)
        if ran.timed_out:
            return Verdict(
                0.0, None, f"The program did not end within {self.timeout_seconds:g} s.", _tail(ran)
            )
        lines = ran.output.split("\n")
        if ran.exit_code == 0 and token in lines:
            # What a process of the answer still printed after it changes nothing.
            output = "\n".join(line for line in lines if line != token)
            return Verdict(
                1.0, None, "The program ran to its end: all tests passed.", _tail(ran, output)
            )
        if ran.exit_code == 0:
            return Verdict(
                0.0, None, "The program left before its tests had ended (exit code 0).", _tail(ran)
            )
        if ran.exit_code is None:
            why = ran.detail or "The program was ended by a limit."
            return Verdict(0.0, None, why, _tail(ran))
        last = next((line for line in reversed(ran.output.splitlines()) if line.strip()), "")
        return Verdict(
            0.0,
            None,
            f"The program failed (exit code {ran.exit_code})"
            + (f": {quote(last)}." if last else "."),
            _tail(ran),
        )

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        """Return the verdict before the program has run: unscored."""
        return Verdict(None, None, "The program has not been run.")

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        return None


def _tail(ran: ProgramResult, output: str | None = None) -> Mapping[str, object]:
    """Return the end of what was printed, for the sample page."""
    text = (ran.output if output is None else output).strip()
    if not text:
        return {}
    return {"printed": text if len(text) <= _MAX_TAIL else "…" + text[-_MAX_TAIL:]}
