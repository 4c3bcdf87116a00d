"""The project's own word lists, shared by the tasks and by the sample suite's corpus.

A task uses the words that a model's tokenizer knows (METHODS d, "Decision (words)"), so a list may be longer
than what any one model can read. No word here starts with a vowel sound where "a" precedes it in a template.
"""

MALE_NAMES = ("John Paul Mark Peter James David Tom Jack Sam Robert Simon George").split()
FEMALE_NAMES = ("Mary Anna Emma Lucy Alice Sarah Laura Jane Rachel Linda Karen Julia").split()
NAMES = MALE_NAMES + FEMALE_NAMES

PLACES = "store park school garden market library station office".split()
OBJECTS = "drink book ring letter ball gift".split()

EVENTS = "war trip project siege voyage trial festival".split()

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

PREPOSITIONS = "on near behind beside".split()

VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "looks": "look", "seems": "seem"}
"""Singular -> plural, in the forms that follow a subject."""

PRONOUN_PHRASES = (
    "such a good cook",
    "a very good friend",
    "a really nice person",
    "such a funny person",
    "a really great teacher",
)
