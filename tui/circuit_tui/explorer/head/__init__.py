"""The parts of the head screen, each with its title, its lines, and what it exports."""
