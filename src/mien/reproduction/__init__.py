"""Published studies run again, and an honest verdict on every number that they print."""
