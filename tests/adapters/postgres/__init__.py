"""The operational tables and reads on PostgreSQL, beyond what their contracts say."""
