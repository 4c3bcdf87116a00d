"""What a request asks for: models, tasks, texts, missing checkpoints, cost."""
