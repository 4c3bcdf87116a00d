"""One checkpoint computed: messages, analyses, records; the process that does it."""
