"""Read models: pure steps from facts to rows, run by one engine, live and in a rebuild."""
