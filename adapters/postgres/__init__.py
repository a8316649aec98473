"""PostgreSQL for everybody: the pool, the migrations, and the operational tables."""
