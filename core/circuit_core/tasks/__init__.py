"""Tasks: prompts whose clean and corrupted forms differ in what decides the answer, and a metric on the answer."""
