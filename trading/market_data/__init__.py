"""What the public sees of the markets, kept in memory on the event loop: depth, trades, tickers."""
