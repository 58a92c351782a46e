"""Parts of `bench.queue`: filling the tables, labelers in processes of their own, labelers through the web."""
