"""Score every edge of a model (METHODS b): five methods and the gradients they need."""
