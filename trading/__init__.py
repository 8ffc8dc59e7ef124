"""Markets: the engine, the journal it folds, the views made of its outcomes, and the interfaces to trade by."""
