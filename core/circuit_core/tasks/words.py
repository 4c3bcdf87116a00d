"""The project's own word lists, shared by the tasks and by the sample suite's corpus.

A task uses the words that a model's tokenizer knows (METHODS d, "Words"), so a list may be longer
than what any one model can read. No word here starts with a vowel sound where "a" precedes it in a template.
"""

MALE_NAMES: tuple[str, ...] = tuple("John Paul Mark Peter James David Tom Jack Sam Robert Simon George".split())
FEMALE_NAMES: tuple[str, ...] = tuple("Mary Anna Emma Lucy Alice Sarah Laura Jane Rachel Linda Karen Julia".split())
NAMES: tuple[str, ...] = MALE_NAMES + FEMALE_NAMES

PLACES: tuple[str, ...] = tuple("store park school garden market library station office".split())
OBJECTS: tuple[str, ...] = tuple("drink book ring letter ball gift".split())

EVENTS: tuple[str, ...] = tuple("war trip project siege voyage trial festival".split())

NOUNS = {
    "key": "keys",
    "cabinet": "cabinets",
    "box": "boxes",
    "cat": "cats",
    "dog": "dogs",
    "boy": "boys",
    "girl": "girls",
    "car": "cars",
    "tree": "trees",
    "picture": "pictures",
    "table": "tables",
    "chair": "chairs",
}
"""Singular -> plural."""

PREPOSITIONS: tuple[str, ...] = tuple("on near behind beside".split())

VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "looks": "look", "seems": "seem"}
"""Singular -> plural, in the forms that follow a subject."""

OTHER_EVENTS: tuple[str, ...] = tuple(
    "battle campaign strike journey conflict crisis famine drought plague rebellion reform marriage friendship program "
    "search study tour treaty".split()
)
OTHER_VERBS = {
    "goes": "go",
    "comes": "come",
    "makes": "make",
    "takes": "take",
    "gets": "get",
    "gives": "give",
    "keeps": "keep",
    "remains": "remain",
    "appears": "appear",
    "belongs": "belong",
    "stands": "stand",
    "stays": "stay",
    "needs": "need",
    "contains": "contain",
    "becomes": "become",
}
"""Both are for tokenizers that know more words than the sample suite's, whose corpus these are not part of."""

PRONOUN_PHRASES = (
    "such a good cook",
    "a very good friend",
    "a really nice person",
    "such a funny person",
    "a really great teacher",
)

IOI_TEMPLATES = (
    "When {a} and {b} went to the {place}, {s} gave a {thing} to",
    "Then {a} and {b} went to the {place}. {s} gave a {thing} to",
    "After {a} and {b} met at the {place}, {s} gave a {thing} to",
    "While {a} and {b} were at the {place}, {s} gave a {thing} to",
    "Today {a} and {b} went to the {place}, and {s} sent a {thing} to",
    "Then {a} and {b} had a long talk at the {place}. {s} sent a {thing} to",
    "When {a} and {b} got a {thing} at the {place}, {s} gave it to",
    "Then {a} and {b} talked at the {place}, and {s} gave a {thing} to",
)
"""Two people, `{a}` and `{b}`; one of them, `{s}`, gives."""

PEOPLE = {
    "boy": "boys",
    "girl": "girls",
    "teacher": "teachers",
    "doctor": "doctors",
    "farmer": "farmers",
    "student": "students",
    "worker": "workers",
    "driver": "drivers",
    "actor": "actors",
    "author": "authors",
    "friend": "friends",
    "brother": "brothers",
    "sister": "sisters",
    "player": "players",
    "writer": "writers",
    "lawyer": "lawyers",
    "soldier": "soldiers",
    "officer": "officers",
    "artist": "artists",
    "guest": "guests",
    "singer": "singers",
    "nurse": "nurses",
}
"""Singular -> plural; who can act."""

ACTIONS: tuple[str, ...] = tuple("found liked watched noticed remembered wanted moved loved".split())
"""In the past, where a verb does not tell its subject's number."""

ADJECTIVES: tuple[str, ...] = tuple("big little strange beautiful dirty lovely".split())
"""These three are of subject-verb agreement alone, not of the sample suite's corpus."""
