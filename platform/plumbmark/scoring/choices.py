"""Which letter an output declares, whatever stands around it: markup, LaTeX, other words.

An output is first made plain, character by character, so that positions stay: markup becomes
spaces, and full-width letters and look-alikes of other scripts become Latin ones.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_LOOK_ALIKES = dict(zip("АВСЕНКМОРТХІЈЅавсеорхіјѕ", "ABCEHKMOPTXIJSabceopxijs", strict=True))
_LOOK_ALIKES |= dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβο", "ABEZHIKMNOPTYXabo", strict=True))
_ALONE_ALIKE = re.compile(rf"(?<![^\W_])(?P<one>[{''.join(_LOOK_ALIKES)}])(?![^\W_])")
_MARKUP = re.compile(
    r"""
    (?<!~)~~(?![~\s])[^~\n]{1,200}~~(?!~)    # what is struck out is taken back
    | <(?=(?P<filled>[A-Z])>(?![^<\n]{0,200}</(?P=filled)>)) | (?<=<[A-Z])>
    | \\(?:text|textbf|textit|textrm|textsf|mathbf|mathrm|mathit|mathsf|mathbb|bf|rm|bm|boldsymbol
        |boxed|fbox|underline|emph|left|right|quad|,|;|!|\ )(?![a-z])
    | \\[()\[\]] | [*`$\#{}~"“”„«»‘【】「」『』] | </?[A-Za-z]{1,12}> | (?<!\w)_+ | _+(?!\w)
    """,
    re.VERBOSE,
)


class _PlainLetters(dict[int, str]):
    """A table for `str.translate` that looks every character up once, one to one."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKC", chr(code)).strip("()")
        if 0x1F150 <= code <= 0x1F189:  # negative circled and squared letters
            plain = chr(ord("A") + (code - 0x1F150) % 0x20)
        if len(plain) == 1 and plain.isascii():
            self[code] = plain
        else:
            # A tick or another picture beside the letter says nothing of its own.
            is_picture = code == 0xFE0F or unicodedata.category(chr(code)) == "So"
            self[code] = " " if is_picture else chr(code)
        return self[code]


_PLAIN = _PlainLetters({ord("（"): "(", ord("）"): ")", ord("。"): ".", ord("、"): ","})


def plain_text(text: str) -> str:
    """Return `text` of the same length with plain letters and without markup."""
    if not text.isascii():
        text = _ALONE_ALIKE.sub(lambda match: _LOOK_ALIKES[match["one"]], text.translate(_PLAIN))
    return _MARKUP.sub(lambda match: " " * len(match[0]), text)


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration of an answer; `letter` is None where it settles on no option."""

    letter: str | None
    how: str
    start: int
    end: int
    phrase_start: int


_LETTER = r"[(\[]?\s{0,9}(?P<letter>[A-Za-z])(?![A-Za-z0-9À-ɏͰ-ӿ])(?:\s{0,9}(?P<closed>[)\]]))?"
_NEXT = r"[(\[]?\s{0,3}(?!I\s[a-z])[A-Z](?![\w'’])"
_ADJECTIVE = r"""(?:
    correcta|correcte|correta|corretta|exacta|esatta|exacte|juste|giusta|certa|final|finale
)"""
_LABEL = r"""(?:
    \b (?: answer | ans(?=\s?:) | solution
      | antwort | lösung | réponse | reponse | respuesta | resposta
      | risposta
      | antwoord | odpowiedź | odpov[eě]ď(?:\ je)? | svar | svaret | vastaus | cevap | yanıt
      | jawaban | válasz
      | răspuns | απάντηση | ответ | відповідь | đáp\ án
      | (?:right|correct|best|final|my|selected|chosen)\ (?:option|choice|letter)
        (?=\s{1,4}(?:is|would)|\s{0,4}:)
      | (?:opción|opcion|opção|opzione|alternativa|lettre|lettera|letra)\ ADJECTIVE
      | richtig(?=\s{1,3}(?:ist|wäre)\b) | odpowiedź\ to
      | my\ (?:pick|guess|vote|selection) (?=\s{1,4}is|\s{0,4}:)
      | letter (?=\s{1,4}is|\s{0,4}:)
      | (?:correct|final|option|selected|result|verdict|conclusion) (?=\s{0,4}:)
      | choice (?=\s{1,4}is|\s{0,4}:) ) \b
    | \b ans\.
    | 正确(?:的)?选项 | 正確(?:的)?選項 | 答案 | 答え | 解答 | 正解 | 正答 | 回答 | 答 | 정답 | 답
    | الإجابة | الجواب | उत्तर | תשובה
)""".replace("ADJECTIVE", _ADJECTIVE)
_LINK = r"""(?:
    \b (?: is | would\ be | should\ be | must\ be | has\ to\ be | was | ist | lautet | est | es | é
      | è | to\ be | jest | är | er | on | είναι | adalah | là | number ) \b
    | [:=\-–—>→] | هي | هو | 是 | 为 | 為 | は | 应该 | 은 | 는 | ['’]s\b
)"""
_FILLER = r"""(?:
    \b (?: i\ think | i\ believe | i\ would\ say | it\ is | it['’]s | it\ must\ be | that\ is
      | this\ is | is | to\ be | in\ my\ (?:opinion|view)
      | probably | likely | most\ likely | clearly | definitely | therefore | hence
      | thus | (?:a|la)\ (?:letra|opción|opção|alternativa|lettera|lettre)
      | option | choice | letter | answer | the | indeed | simply | just | la | le | el | l
      | die | der | opción | opcion | lettre | letra | lettera | buchstabe | wahrscheinlich
      | вариант | буква ) \b
    | 选项 | 選項 | 选 | 選択肢 | [:,]
)"""
_NO_SPACES = 0x0E00
"""From here on, most scripts put no spaces between words."""

_REJECTED = r"""(?:
    \b (?:not|nicht|no|pas|не) \ [(\[]?[A-Za-z][)\]]? \ ?,?\ ?
    (?:but|rather|it\ is|sondern|mais|sino|а) [ ]
)?"""
_NOTHING = r"""(?P<none> (?:
    none | neither | nothing | unclear | unknown | undecided | cannot | can['’]t | keine | aucune
    | ninguna | not\ sure
) \b )"""
_VERB = r"""(?:
    \b (?: i (?:\ would|\ will|['’]d|['’]ll)? (?:\ have\ to)? \ (?: choose | pick | select | chose
        | picked | selected | go\ (?:with|for) | say | think | answer | settle\ on | vote\ for )
      | choose | select | je\ choisis | elijo | escolho | scelgo | ich\ wähle | wybieram | выбираю
      | let(?:['’]s|\ us)\ (?:go\ (?:with|for)|pick|choose|say)
      | (?:i['’]m\ )?going\ (?:with|for) | it\ must\ be
      | (?:so|thus|hence|therefore),?\ (?:it\ is|it['’]s) ) \b
    | (?: ^ | (?<=[.,;:!?\n]) ) \s{0,3} (?: it\ is | it['’]s ) \b
    | (?: ^ | (?<=[，。,.\s]) ) (?: 我 | 应 | 故 | 因此 | 所以 | 本题 | 此题 | 应该 | 应当 | 综上 )?
      (?: 选择? | 選擇? )
)"""


@lru_cache(maxsize=64)
def _declarations_after(labels: tuple[str, ...]) -> re.Pattern[str]:
    """Return the expression of declarations, for which an author may have words of their own."""
    own = "".join(f" | {_as_expression(label)}" for label in labels)
    return re.compile(
        rf"""
        (?: (?: {_LABEL}{own} ) (?: \s(?:{_ADJECTIVE}|đúng|الصحيحة|الصحيح)\b )?
            (?:\s{{0,3}}\([^()]{{1,30}}\))? (?:\s{{0,4}}{_LINK}){{0,3}} | {_VERB} )
        (?:\s{{0,4}}{_FILLER}){{0,4}} \s{{0,24}} {_REJECTED}
        (?: {_NOTHING} | (?:either\ )? {_LETTER} )
        """,
        re.VERBOSE | re.IGNORECASE,
    )


def _as_expression(label: str) -> str:
    """Return the expression of a label; it ends with a word where its script has spaces."""
    words = plain_text(label).split()
    spaced = r"\s{1,4}".join(map(re.escape, words))
    before = r"(?<!\w)" if words and ord(words[0][0]) < _NO_SPACES else ""
    after = (
        r"(?!\w)" if words and words[-1][-1].isalnum() and ord(words[-1][-1]) < _NO_SPACES else ""
    )
    return f"{before}{spaced}{after}" if words else "(?!)"


_ENTRY = re.compile(
    r"""
    [-+•*\s]{0,9} (?P<box> \[ \s{0,2} (?P<tick>[xX])? \s{0,2} \] \s{0,3} )?
    [(\[]? (?P<letter>[A-Z])
    (?: [)\].:]{1,2} (?=\s|$) | \s{1,3}(?=[-–—]) | (?(box) (?=\s|$) | (?!) ) )
    (?P<said>.*)
    """,
    re.VERBOSE,
)
_CALLED_RIGHT = re.compile(
    r"(?: ^ | [-–—:(→=,] ) \s* (?:correct|right|true|yes) [\s.!)]* $",
    re.VERBOSE | re.IGNORECASE,
)
_CALLED_WRONG = re.compile(
    r"(?: ^ | [-–—:(→=,] ) \s* (?:incorrect|not\ correct|wrong|false|no) [\s.!)]* $",
    re.VERBOSE | re.IGNORECASE,
)
_MAX_ENTRY = 500
_IS_RIGHT = re.compile(
    r"""
    (?<!\b[A-Z]\ or\ ) (?<!\b[A-Z]\ nor\ ) (?<!\b[A-Z]\)\ or\ )
    (?<![\w'’]) (?P<only> [Oo]nly\ (?:option\ |choice\ )? )?
    [(\[]?\s{0,9} (?P<letter>[A-Z]) (?![\w'’]) (?:\s{0,9}(?P<closed>[)\]]))? ,? \s{1,4}
    (?: it\ is (?=\s{0,3}(?:[.!]|$)) | (?: fits | matches )\ best \b
    | (?(only) (?:remains|fits|works|matches|is\ left)\b | (?!) )
    | (?: is | must\ be | seems | would\ be | ist | est | es ) [ ]
    (?: clearly\  | definitely\  | therefore\  | thus\  )? (?: the\  | la\  | die\  )?
    (?: only\  | most\  | best\  )?
    (?: correct | right | true | best | richtig | correcte | correcta | answer
      | better (?!\ (?:than|known)) ) \b )
    """,
    re.VERBOSE,
)
_CONCLUDED = re.compile(
    r"""
    (?: \b[Nn](?:ot|icht|o)\ [(\[]?[A-Z][)\]]?\ ?,?\ (?:but|rather|sondern|sino)\s
      | \b(?:leaves|leaving)\s(?:only\s|us\swith\s|just\s)?(?:option\s)?
        (?= [(\[]?[A-Z][)\]]?\s{0,3}(?:[.,;!\n]|$) )
      | \b(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s (?= [(\[]?[A-Z][)\]]?[\s.!]{0,9}$ ) )
    [(\[]? (?P<letter>[A-Z]) (?![\w'’]) (?P<closed>[)\]])?
    """,
    re.VERBOSE,
)
_HEDGE = re.compile(
    rf"""
    [\s.)\]]{{0,4}} \(?
    (?: , | / | & | \b(?:or|and|oder|und|ou|et|o|y|или|и)\b | 或者? | 和 | か | または ){{1,2}}
    \s{{0,4}} (?:\b(?:possibly|perhaps|maybe|also|option|even|or|and)\b\s{{0,4}}){{0,3}} {_NEXT}
    (?! \s(?:is|are|was|would|could|has|does|looks|seems|can)\b )
    """,
    re.VERBOSE,
)
_SAYS_OF_IT = re.compile(r"[\s,]{1,4}(?:is|are|was|would|could|can|has|does|looks|seems)\b")
_ENDS = re.compile(r"[^\S\n]{0,9}(?:[.,;:!?)\]\n]|$)")
_LIST_LINE = re.compile(r"[-+•\s]{0,6}[(\[]?(?P<letter>[A-Z])[)\].:]{1,2}\s+(?P<text>\S.{0,400})")
_GOES_ON = re.compile(r"\s(?!because|since|as\b|and\b|or\b|for\b|with\b|is\b|but\b)[a-z]")
_IN_CASE = re.compile(
    r"[)\]]?\s{1,3}(?:only\ )?if\s(?!I\b|i\b|forced|pressed|you|we\b|any|anything|not\b)"
)
"""Behind “would be B”: a condition, which the output does not say is met."""
_DOUBTED = re.compile(
    r"""
    (?: n['’]t | \b(?: do\ not | if | whether | suppose | assume | assuming )
      | (?:^|[.!?\n])\s{0,3}is )
    (?: \s{1,3}(?: think | believe | say | that | the | my | correct | right ) ){0,5} \s{1,3} $
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WRONG = re.compile(
    r"""
    \s{1,4} (?:
      (?: is | are | was | can | could | does | seems | looks ) (?: n['’]t\b
        | \s (?: not | wrong | incorrect | false | out | too | impossible | no ) \b )
      | (?: cannot | wrong | incorrect | impossible ) \b
    )
    """,
    re.VERBOSE,
)


def declared(text: str, letters: str, labels: tuple[str, ...] = ()) -> Declared | None:
    """Return the last declaration of an answer in a plain text; None if there is none.

    `labels` are words of the author's that introduce an answer, besides those that are known.
    """
    last = None
    for expression, how in (
        (_declarations_after(labels), "The last phrase that names an answer"),
        (_IS_RIGHT, "The last option that is called right"),
        (_CONCLUDED, "The option that is concluded"),
    ):
        found = None
        for one in _declarations(expression, text, letters, how):
            found = one
        if found and (last is None or found.start > last.start):
            last = found
    return last


def _declarations(
    expression: re.Pattern[str], text: str, letters: str, how: str
) -> Iterator[Declared]:
    for match in expression.finditer(text):
        if match.groupdict().get("none"):
            yield Declared(None, how, *match.span(), match.start())
            continue
        written, end = match["letter"], match.end()
        following = text[end : end + 60]
        # “C++”, “A-” and “A's” are words, and “I don't think it is A” declares nothing.
        if written.upper() not in letters or following[:1] in ("'", "’", "+", "#", "-"):
            continue
        if _DOUBTED.search(text[max(0, match.start() - 40) : match.start()]):
            continue
        if not match["closed"]:
            if written.islower() and not re.match(
                r"\s*(?:[.,;:!?)\]]|$)", following.split("\n")[0]
            ):
                continue
            if written in "AI" and _GOES_ON.match(following):
                continue
        if _WRONG.match(following):
            continue
        if _IN_CASE.match(following) and "would" in match[0]:
            continue
        letter = None if is_hedged(text, end) else written.upper()
        yield Declared(letter, how, *match.span("letter"), match.start())


def is_hedged(text: str, end: int) -> bool:
    """Return whether a second option stands beside the one that ends at `end`."""
    return _HEDGE.match(text, end, end + 60) is not None


def is_spoken_of(text: str, end: int) -> bool:
    """Return whether something is said of the option that ends at `end`: “A) is red”."""
    return _SAYS_OF_IT.match(text, end, end + 40) is not None


def is_rejected(text: str, end: int) -> bool:
    """Return whether the option that ends at `end` is called wrong."""
    return _WRONG.match(text, end, end + 40) is not None


def marked_in_list(text: str, letters: str) -> re.Match[str] | None:
    """Return the only entry of a list of options that is ticked or called right, as all others are
    not: “A: no, B: yes, C: no”, each on a line of its own.
    """
    found = [
        match
        for line in re.finditer(r"[^\n]+", text)
        if (match := _ENTRY.match(text, line.start(), min(line.end(), line.start() + _MAX_ENTRY)))
        and match["letter"] in letters
    ]
    if len(found) < 2 or len({match["letter"] for match in found}) != len(found):
        return None
    right = [one for one in found if one["tick"] or _CALLED_RIGHT.search(one["said"])]
    others = [one for one in found if one["box"] or _CALLED_WRONG.search(one["said"])]
    is_settled = len(right) == 1 and len({*map(id, right), *map(id, others)}) == len(found)
    return right[0] if is_settled else None


def without_lists(text: str, letters: str) -> str:
    """Return `text` with spaces for lines that list the options, as copied from the question."""
    lines = text.split("\n")
    listed = [_LIST_LINE.match(line[:500]) for line in lines]
    order = [match["letter"] for match in listed if match and match["letter"] in letters]
    if len(order) < 2 or order[0] != "A" or order != sorted(set(order)):
        return text
    # What stands before the list is the question, which was copied as well.
    last = max(n for n, match in enumerate(listed) if match and match["letter"] in letters)
    return "\n".join(" " * len(line) if n <= last else line for n, line in enumerate(lines))
