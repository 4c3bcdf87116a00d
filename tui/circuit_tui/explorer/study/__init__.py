"""The paper's figures as they are drawn over training: what the store holds of all models becomes curves."""
