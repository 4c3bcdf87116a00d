"""The palette's entries: names of models and tasks are text there, and no markup."""

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content


class Commands(Provider):
    """The commands of the program, as the program lists them."""

    async def discover(self) -> Hits:
        for name, about, callback, _ in sorted(self.app.get_system_commands(self.screen), key=lambda one: one.title):
            yield DiscoveryHit(Content(name), callback, text=name, help=about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, about, callback, _ in self.app.get_system_commands(self.screen):
            score, places = matcher.fuzzy_search.match(query, name)
            if score > 0:
                marked = Content(name)
                for place in places:
                    marked = marked.stylize(matcher.match_style, place, place + 1)
                yield Hit(score, marked, callback, text=name, help=about)
