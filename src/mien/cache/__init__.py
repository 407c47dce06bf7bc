"""Arrays on disk that are costly to make: built once, shared by all jobs, checked whenever they are opened."""
