"""A circuit as a layered diagram of characters: where nodes stand, what is drawn of them, and edges of braille dots."""
