"""The read models and the books: made of the engine's outcomes, with a checkpoint, in one transaction. Can be rebuilt."""
